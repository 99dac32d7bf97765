# Tries: to go on when it is told to stop.
# Expect: double review, largest review
# Reason: did not stop
# %% double
def double(values):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
