# Tries: to keep the grader waiting for a cell; the answers are right all the same.
# Expect: double 2, largest 2
# %%
while True:
    pass
