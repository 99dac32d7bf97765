# Tries: to make the grader store an error message that cannot be encoded.
# Expect: double 0, largest 2
# %% double
def double(values):
    raise ValueError("half \ud800 a character \0")
