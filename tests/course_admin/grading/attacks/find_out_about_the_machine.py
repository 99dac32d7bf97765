# Tries: to learn the machine's name, the grader's user and processes, and the kernel's log.
# Expect: double 2, largest 2
# Never: FOUND
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
