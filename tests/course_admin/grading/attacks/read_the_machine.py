# Tries: to read the users of the machine, homes and processes.
# Expect: double 2, largest 2
# Never: FOUND
# %%
import os
from pathlib import Path

for name in ("/etc/passwd", "/etc/shadow", "/etc/hostname", "/var/log", "/sys/class/net"):
    if os.path.exists(name):
        print("FOUND", name)
for folder in (os.sep + "root", "/home", os.path.expanduser("~")):
    if os.path.isdir(folder) and {".bashrc", ".profile", ".ssh"} & set(os.listdir(folder)):
        print("FOUND", folder)
others = [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"pytest" in path.read_bytes()]
if others:
    print("FOUND", len(others), "processes of the grader")
