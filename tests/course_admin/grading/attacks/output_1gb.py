# Tries: to print a gigabyte.
# Expect: double review, largest review
# Reason: MB
# %%
line = "x" * 100_000
for _ in range(10_000):
    print(line)
