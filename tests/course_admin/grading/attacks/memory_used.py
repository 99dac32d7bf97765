# Tries: to fill the memory step by step.
# Expect: double review, largest review
# Reason: MB of memory
# %% double
def double(values):
    blocks = []
    while len(blocks) < 500:
        blocks.append(np.ones(2_000_000))
    return 2 * values
