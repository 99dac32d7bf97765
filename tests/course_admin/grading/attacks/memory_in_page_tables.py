# Tries: to keep memory that no process shows as its own: tables of pages that hold nothing.
# Expect: double review, largest review
# Reason: memory
# %%
import mmap
import os
import time

for _ in range(20):
    if os.fork() == 0:
        size = 18 << 30
        nothing = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ)
        for place in range(0, size, 2 << 20):
            nothing[place]
        time.sleep(60)
time.sleep(60)
