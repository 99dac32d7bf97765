# Tries: to keep memory that no process shows as its own, and a note for the next submission.
# Expect: double 2, largest 2
# Never: GOT
# %%
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
try:
    os.memfd_create("hidden")
    print("GOT", "a file in memory")
except OSError as error:
    print(error)
if libc.shmget(1, 1 << 20, 0o1600) >= 0:
    print("GOT", "shared memory")
# %%
KEYCTL = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
if libc.syscall(KEYCTL, 0, -4, 1) >= 0:
    print("GOT", "a keyring")
