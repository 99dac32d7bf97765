# Tries: to keep the grader waiting for an answer.
# Expect: double review, largest 2
# %% double
def double(values):
    while True:
        pass
