# Tries: to raise its own limits, to be the last to end when memory runs out, to change the time.
# Expect: double 2, largest 2
# Never: FOUND
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
        pass


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
