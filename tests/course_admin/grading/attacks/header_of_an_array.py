# Tries: to answer with an array whose header crashes NumPy, so that it needs review.
# Expect: double 0, largest 0
# %%
import base64
import json

from IPython.display import publish_display_data

from course_admin.grading import agent

header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), } (" + b'"' * 3 + b"\n"
array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\x00" * 8
lie = json.dumps({"npy": base64.b64encode(array).decode()})
agent.reply = lambda request: publish_display_data({agent.MIME: json.dumps({"answer": lie})})
