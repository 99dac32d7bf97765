# Tries: to end the process before it can be judged; nbgrader itself would record 0 points.
# Expect: double review, largest review
# Reason: process ended
# %% double
def double(values):
    import os

    os._exit(0)
