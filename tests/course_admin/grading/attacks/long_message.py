# Tries: to make the grader quote a million characters in its message.
# Expect: double 0, largest 0
# %% double
def double(values):
    raise type("x" * 1_000_000, (Exception,), {})("y" * 1_000_000)
# %% largest
def largest(values):
    return {"z" * 1_000_000: 1}
