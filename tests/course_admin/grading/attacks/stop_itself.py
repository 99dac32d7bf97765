# Tries: to stop its own process, which then neither answers nor ends.
# Expect: double review, largest review
# %%
import os
import signal

os.kill(os.getpid(), signal.SIGSTOP)
