# Tries: to write a gigabyte wherever it can.
# Expect: double 2, largest 2
# Never: WROTE A GIGABYTE
# %%
import os

for folder in (os.getcwd(), "/tmp", "/dev/shm", "/data/cache/features"):
    written = 0
    try:
        while written < 1 << 30:
            with open(f"{folder}/{written}", "wb") as file:
                written += file.write(b"x" * 4_000_000)
        print("WROTE", "A GIGABYTE")
    except OSError as error:
        print(folder, error)
