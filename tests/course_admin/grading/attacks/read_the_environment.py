# Tries: to read what the grader has in its environment, such as passwords.
# Expect: double 2, largest 2
# Never: FOUND
# %%
import os
from pathlib import Path

if "GRADERS_PASSWORD" in os.environ:
    print("FOUND in the environment")
for path in Path("/proc").glob("[0-9]*/environ"):
    try:
        if b"GRADERS_PASSWORD" in path.read_bytes():
            print("FOUND", path)
    except OSError:
        continue
