# Tries: to answer the next hundred requests before they are sent, and to say they are done.
# Expect: double nothing, largest any
# %%
import json

from course_admin.grading import agent
from course_checks.protocol import encode

kernel = get_ipython().kernel
header = kernel.get_parent()["header"]
session, process, number = header["msg_id"].rsplit("_", 2)
answer = {"data": {agent.MIME: json.dumps({"answer": encode(np.zeros(50))})}, "metadata": {}}
for later in range(1, 100):
    parent = {"header": {**header, "msg_id": f"{session}_{process}_{int(number) + later}"}}
    for kind, content in (("display_data", answer), ("status", {"execution_state": "idle"})):
        kernel.session.send(kernel.iopub_socket, kind, content, parent=parent)
# %% double
def double(values):
    return 0 * values
