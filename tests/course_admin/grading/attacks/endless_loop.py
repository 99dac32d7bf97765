# Tries: to keep the grader waiting for an answer.
# Expect: double 0, largest 2
# %% double
def double(values):
    while True:
        pass
