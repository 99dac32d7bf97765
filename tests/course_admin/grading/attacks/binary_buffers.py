# Tries: to fill the grader's memory with binary buffers and headers, which are no outputs.
# Expect: double review, largest review
# Reason: MB
# %%
kernel = get_ipython().kernel
for _ in range(5):
    kernel.session.send(
        kernel.iopub_socket,
        "comm_msg",
        {"comm_id": "1", "data": {}},
        metadata={"x": "x" * 500_000},
        buffers=[b"x" * 500_000],
        parent=kernel.get_parent(),
    )
