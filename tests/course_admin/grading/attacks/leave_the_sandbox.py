# Tries: to control the processes that made the sandbox, or to create namespaces of its own.
# Expect: double 2, largest 2
# Never: FOUND
# %%
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
others = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
for process in others:
    if libc.ptrace(0x4206, process, 0, 0) == 0:  # PTRACE_SEIZE
        print("FOUND a process to steer", process)
    for name in ("mem", "environ", "root/etc"):
        try:
            path = f"/proc/{process}/{name}"
            os.listdir(path) if name == "root/etc" else open(path, "rb").read(1)
            print("FOUND", path)
        except OSError:
            pass
if libc.unshare(0x10000000) == 0:  # CLONE_NEWUSER
    print("FOUND rights of its own")
# %%
for process in others:
    try:
        descriptor = os.pidfd_open(process)
    except OSError:
        continue
    if libc.syscall(438, descriptor, 0, 0) >= 0:  # pidfd_getfd
        print("FOUND a file of another process", process)
    if libc.setns(descriptor, 0x00020000) == 0:  # CLONE_NEWNS
        print("FOUND another namespace")
# %%
import subprocess

for flag in ("--user", "--mount", "--time", "--net"):
    if subprocess.run(["/usr/bin/unshare", flag, "/usr/bin/true"], capture_output=True).returncode == 0:
        print("FOUND a namespace", flag)
