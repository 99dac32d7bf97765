"""A seccomp filter for system calls that no exercise needs, as a program for the Linux kernel.

Some of these calls keep memory that no process shows as its own (memfd, System V shared memory),
some reach what namespaces do not separate (keyrings), some are large and new. They fail with
"operation not permitted"; all other calls pass. See seccomp(2) and ``linux/filter.h``.
"""

import platform
import struct

NAMES = (
    *("memfd_create", "memfd_secret", "shmget", "add_key", "request_key", "keyctl"),
    *("io_uring_setup", "bpf", "userfaultfd", "perf_event_open"),
)

MACHINES = {
    "x86_64": (0xC000003E, (319, 447, 29, 248, 249, 250, 425, 321, 323, 298)),
    "aarch64": (0xC00000B7, (279, 447, 194, 217, 218, 219, 425, 280, 282, 241)),
}
"""For each machine its constant in audit.h, and the numbers of the calls in `NAMES`."""

FOREIGN_CALLS = 0x40000000
"""The first number of x32, whose calls repeat the others under other numbers."""

LOAD, IF_EQUAL, IF_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050001, 0x80000000
NUMBER, MACHINE = 0, 4  # offsets in struct seccomp_data


def program() -> bytes | None:
    """Return the filter for this machine, or None for an unknown machine."""
    if platform.machine() not in MACHINES:
        return None
    machine, numbers = MACHINES[platform.machine()]
    tests = [(IF_AT_LEAST, FOREIGN_CALLS), *((IF_EQUAL, number) for number in numbers)]
    steps = [
        (LOAD, 0, 0, MACHINE),
        (IF_EQUAL, 1, 0, machine),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        # A match jumps over the remaining tests and ALLOW
        *((test, len(tests) - i, 0, value) for i, (test, value) in enumerate(tests)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
