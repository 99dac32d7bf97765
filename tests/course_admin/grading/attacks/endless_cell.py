# Tries: to keep the grader waiting for a cell. What was answered is right all the same.
# Expect: double 2, largest 2
# %%
while True:
    pass
