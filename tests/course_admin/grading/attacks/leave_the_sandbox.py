# Tries: to control the processes that made the sandbox, to create namespaces of its own,
# to raise its limits, to be the last to end when memory runs out, to change the time.
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
            continue  # refused, as it should be
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
# %%
import os
import resource
import time

for name in ("NPROC", "AS", "FSIZE", "NOFILE"):
    number = getattr(resource, f"RLIMIT_{name}")
    hard = resource.getrlimit(number)[1]
    try:
        resource.setrlimit(number, (hard + 1, hard + 1))
        print("FOUND more", name, hard)
    except ValueError:
        continue


def try_it(what, function, *arguments):
    try:
        function(*arguments)
        print("FOUND", what)
    except OSError:
        return  # refused, as it should be


try_it("another priority", os.setpriority, os.PRIO_PROCESS, 0, -5)
try_it("real time", os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))
try_it("a clock", time.clock_settime, time.CLOCK_REALTIME, 0)
try_it("another user", os.setuid, 0)
try_it("another root", os.chroot, "/learner")
try_it("a device", os.mknod, "/learner/disk", 0o60600, os.makedev(254, 0))
for process in ("self", "1"):
    for score in ("0", "-1000"):
        try_it("a better score", lambda: open(f"/proc/{process}/oom_score_adj", "w").write(score))
try_it("the host's name", lambda: open("/proc/sys/kernel/hostname", "w").write("x"))
