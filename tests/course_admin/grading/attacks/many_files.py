# Tries: to fill the kernel's memory with empty files, which take no space.
# Expect: double review, largest review
# Reason: files
# %%
import os
import time

for number in range(20_000):
    os.close(os.open(f"/tmp/{number}", os.O_CREAT | os.O_WRONLY))
time.sleep(3)
