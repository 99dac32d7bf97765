# Tries: to print numbers, lone surrogates and lists where there should be text.
# Expect: double 2, largest 2
# %%
kernel = get_ipython().kernel
for content in ({"name": "stdout", "text": 5}, {"name": {}, "text": "a"}):
    kernel.session.send(kernel.iopub_socket, "stream", content, parent=kernel.get_parent())
deep = "x"
for _ in range(700):
    deep = [deep]
for data in ({"text/html": [1, {}]}, [1], {"application/json": deep}):
    content = {"data": data, "metadata": {}}
    kernel.session.send(kernel.iopub_socket, "display_data", content, parent=kernel.get_parent())
print("\ud800")
# %% double
def double(values):
    if kernel.session:
        print("\udfff")
    return 2 * values
