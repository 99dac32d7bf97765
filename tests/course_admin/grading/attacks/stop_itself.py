# Tries: to stop its own process, which then neither answers nor ends (unless it is the first of
# its namespace).
# Expect: double any, largest any
# %%
import os
import signal

os.kill(os.getpid(), signal.SIGSTOP)
