# Tries: to keep memory that no process shows as its own, and a note for the next submission; to
# use up what all sandboxes share, to watch what others read.
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
for name, *arguments in (("shmget", 1, 1 << 20), ("msgget", 1), ("semget", 1, 1000)):
    if getattr(libc, name)(*arguments, 0o1600) >= 0:
        print("GOT", name)
if libc.mq_open(b"/queue", os.O_CREAT | os.O_RDWR, 0o600, None) >= 0:
    print("GOT", "a queue")
for name in ("inotify_init", "inotify_init1", "fanotify_init"):
    if getattr(libc, name)(0, 0) >= 0:
        print("GOT", name)
# %%
NUMBERS = {
    "x86_64": {"keyctl": 250, "userfaultfd": 323, "memfd_secret": 447, "io_setup": 206},
    "aarch64": {"keyctl": 219, "userfaultfd": 282, "memfd_secret": 447, "io_setup": 0},
}[os.uname().machine]
if libc.syscall(NUMBERS["keyctl"], 0, -4, 1) >= 0:
    print("GOT", "a keyring")
for name in ("userfaultfd", "memfd_secret"):
    if libc.syscall(NUMBERS[name], 1) >= 0:
        print("GOT", name)
context = ctypes.c_ulong(0)
if libc.syscall(NUMBERS["io_setup"], 128, ctypes.byref(context)) == 0:
    print("GOT", "aio")
if libc.syscall(425, 8, ctypes.create_string_buffer(200)) >= 0:
    print("GOT", "io_uring")
# %%
end, begin = os.pipe()
page = ctypes.create_string_buffer(4096)


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


vector = Vector(ctypes.addressof(page), 4096)
if libc.vmsplice(begin, ctypes.byref(vector), 1, 0) >= 0:
    print("GOT", "pages in a pipe")
