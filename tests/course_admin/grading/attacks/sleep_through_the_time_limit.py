# Tries: to use up the time for all cells, in pieces that are each short enough.
# Expect: double review, largest review
# Reason: longer than .* in total
# %%
import time

for _ in range(3):
    time.sleep(1)
# %%
time.sleep(3)
# %%
time.sleep(3)
# %%
time.sleep(3)
# %%
time.sleep(3)
# %%
time.sleep(3)
# %%
time.sleep(3)
# %%
time.sleep(3)
# %%
time.sleep(3)
