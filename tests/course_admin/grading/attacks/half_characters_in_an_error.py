# Tries: to have the grader write down an error whose text cannot be written.
# Expect: double 0, largest 2
# %% double
def double(values):
    raise ValueError("half \ud800 a character \0")
