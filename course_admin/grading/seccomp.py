"""A seccomp filter for system calls that no exercise needs, as a program for the Linux kernel.

Some of these calls keep memory that no process shows as its own (memfd, System V's shared memory,
queues and semaphores, pages given to pipes), some use up what all users of a machine share (aio),
some reach what namespaces do not separate (keyrings, most kinds of sockets), some watch what
others do with the same files or read the kernel's log, some are large and new. They fail as if
Linux did not know them.

Locks on files seem to succeed and lock nothing: all sandboxes share the files of the course, and
who holds a lock on one would make the others wait. See seccomp(2) and ``linux/filter.h``.
"""

import errno
import platform
import struct
from typing import NamedTuple


class Call(NamedTuple):
    """The numbers of a system call; None where a machine does not have it."""

    x86_64: int | None
    aarch64: int | None


REFUSED = {
    "memfd_create": Call(319, 279),
    "memfd_secret": Call(447, 447),
    "shmget": Call(29, 194),
    "msgget": Call(68, 186),
    "semget": Call(64, 190),
    "mq_open": Call(240, 180),
    "vmsplice": Call(278, 75),
    "io_setup": Call(206, 0),
    "io_uring_setup": Call(425, 425),
    "inotify_init": Call(253, None),
    "inotify_init1": Call(294, 26),
    "fanotify_init": Call(300, 262),
    "add_key": Call(248, 217),
    "request_key": Call(249, 218),
    "keyctl": Call(250, 219),
    "bpf": Call(321, 280),
    "userfaultfd": Call(323, 282),
    "perf_event_open": Call(298, 241),
    "syslog": Call(103, 116),
}
FLOCK, FCNTL, SOCKET = Call(73, 32), Call(72, 25), Call(41, 198)
LOCKING = (6, 7, 37, 38)
"""Commands of fcntl: F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW."""
LEASES = (1024, 1026)
"""Commands of fcntl: F_SETLEASE, F_NOTIFY."""
UNIX, NETLINK = 1, 16
"""The kinds of sockets that a kernel of Jupyter needs, netlink with protocol 0 to list interfaces.
Even on a loopback of their own, others use memory that all of the machine's connections share."""

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Constants in audit.h."""
FOREIGN_CALLS = 0x40000000
"""The first number of x32, whose calls repeat the others under other numbers."""

LOAD, IF_EQUAL, IF_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
PRETEND = ERROR  # an error number of 0 is success
NUMBER, MACHINE, FIRST, SECOND, THIRD = 0, 4, 16, 24, 32  # offsets in struct seccomp_data

Step = tuple[int, int, int, int]


def program() -> bytes | None:
    """Return the filter for this machine, or None for an unknown machine."""
    machine = platform.machine()
    if machine not in MACHINES:
        return None
    refuse = ERROR | errno.ENOSYS
    steps = [
        (LOAD, 0, 0, MACHINE),
        (IF_EQUAL, 1, 0, MACHINES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (IF_AT_LEAST, 0, 1, FOREIGN_CALLS),
        (RETURN, 0, 0, refuse),
    ]
    for call in REFUSED.values():
        steps += _when(getattr(call, machine), [(RETURN, 0, 0, refuse)])
    steps += _when(getattr(FLOCK, machine), [(RETURN, 0, 0, PRETEND)])
    command = [
        (LOAD, 0, 0, SECOND),
        *(step for value in LOCKING for step in _when(value, [(RETURN, 0, 0, PRETEND)])),
        *(step for value in LEASES for step in _when(value, [(RETURN, 0, 0, refuse)])),
        (RETURN, 0, 0, ALLOW),
    ]
    family = [
        (LOAD, 0, 0, FIRST),
        *_when(UNIX, [(RETURN, 0, 0, ALLOW)]),
        *_when(NETLINK, [(LOAD, 0, 0, THIRD), *_when(0, [(RETURN, 0, 0, ALLOW)])]),
        (RETURN, 0, 0, ERROR | errno.EAFNOSUPPORT),
    ]
    steps += [*_when(getattr(FCNTL, machine), command), *_when(getattr(SOCKET, machine), family)]
    return b"".join(struct.pack("=HBBI", *step) for step in [*steps, (RETURN, 0, 0, ALLOW)])


def _when(value: int | None, steps: list[Step]) -> list[Step]:
    """Do these steps if the loaded number has this value, else skip them."""
    return [] if value is None else [(IF_EQUAL, 0, len(steps), value), *steps]
