# Tries: to end the grader's processes, and its own (which the first of a namespace survives).
# Expect: double any, largest any
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
