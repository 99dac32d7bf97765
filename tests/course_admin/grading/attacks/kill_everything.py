# Tries: to end the grader's processes.
# Expect: double review, largest review
# Reason: process ended
# %%
import os
import signal

for process in (os.getppid(), 1, -1):
    try:
        os.kill(process, signal.SIGKILL)
    except OSError as error:
        print(error)
# %%
os.kill(os.getpid(), signal.SIGKILL)
