# Tries: to leave in the ways that are made for it.
# Expect: double 2, largest 2
# %%
import sys

sys.exit(0)
# %%
raise SystemExit
# %%
raise KeyboardInterrupt
