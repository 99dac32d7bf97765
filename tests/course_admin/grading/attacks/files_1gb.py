# Tries: to write a gigabyte wherever it can, and everywhere together more than one disk holds.
# Expect: double 2, largest 2
# Never: WROTE
# %%
import os

written = 0
for folder in (os.getcwd(), "/tmp", "/dev/shm", "/data/cache/features"):
    try:
        while written < 1 << 30:
            with open(f"{folder}/{written}", "wb") as file:
                written += file.write(b"x" * 1_000_000)
    except OSError as error:
        print(folder, error)
if written > 33 << 20:
    print("WROTE", written)
