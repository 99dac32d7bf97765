# Tries: to fill the grader's disk with files that are open but have no name.
# Expect: double 2, largest 2
# Never: FOUND
# %%
import os

from ipykernel.connect import get_connection_file

place = os.path.join(os.path.dirname(get_connection_file()), "x")
files = []
for _ in range(4):
    files.append(open(place, "wb", buffering=0))
    os.unlink(place)
    files[-1].write(b"x" * (8 << 20))
print("FOUND a place to write to")
