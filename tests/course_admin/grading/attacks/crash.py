# Tries: to crash Python itself.
# Expect: double review, largest review
# Reason: process ended
# %% double
def double(values):
    import ctypes

    return ctypes.string_at(0)
