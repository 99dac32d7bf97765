# Tries: to send a message of many large parts, each within the limit.
# Expect: double review, largest review
# %%
kernel = get_ipython().kernel
kernel.session.send(
    kernel.iopub_socket,
    "display_data",
    {"data": {}, "metadata": {}},
    buffers=[b"x" * 2_000_000] * 20,
    parent=kernel.get_parent(),
)
