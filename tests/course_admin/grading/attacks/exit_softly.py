# Tries: to leave with exit functions.
# Expect: double 2, largest 2
# %%
import sys

sys.exit(0)
# %%
raise SystemExit
# %%
raise KeyboardInterrupt
