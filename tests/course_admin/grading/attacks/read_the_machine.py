# Tries: to read the users of the machine, homes, processes, names and the kernel's log.
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
# %%
import ctypes
import os
import socket

if socket.gethostname() != "sandbox" or os.uname().nodename != "sandbox":
    print("FOUND a name", socket.gethostname())
if os.getuid() != 1000 or os.getgid() != 1000:
    print("FOUND a user", os.getuid())
if "kernel-" in open("/proc/self/cmdline").read():
    print("FOUND the id of the grader's process")
log = ctypes.create_string_buffer(1000)
if ctypes.CDLL(None).klogctl(3, log, 1000) >= 0:
    print("FOUND the log")
