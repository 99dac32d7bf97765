# Tries: to fill the grader's own memory with an answer.
# Expect: double review, largest review
# Reason: MB
# %% double
def double(values):
    return np.zeros(1_000_000)
