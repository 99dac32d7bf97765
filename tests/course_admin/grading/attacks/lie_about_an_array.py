# Tries: to announce an array of a terabyte, and a list in a list in a list.
# Expect: double 0, largest 0
# %%
import base64
import json

from IPython.display import publish_display_data

from course_admin.grading import agent

header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (137438953472,), }"
header += b" " * (117 - len(header)) + b"\n"
array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\x00" * 64
lie = json.dumps({"npy": base64.b64encode(array).decode()})
deep = '{"list": [' * 20_000 + "]}" * 20_000


def reply(request):
    answer = lie if json.loads(request)["function"] == "double" else deep
    publish_display_data({agent.MIME: json.dumps({"answer": answer})})


agent.reply = reply
