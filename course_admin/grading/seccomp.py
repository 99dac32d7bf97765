"""System calls that no exercise needs: a filter for the Linux kernel, in its own small language.

Some calls keep memory that no process shows as its own (memfd, System V shared memory), some
reach what namespaces do not part (keyrings), some are large and new. The filter refuses them with
"not permitted" and lets the others through. See seccomp(2) and ``linux/filter.h``.
"""

import platform
import struct

NAMES = (
    "memfd_create", "memfd_secret", "shmget", "add_key", "request_key", "keyctl",
    "io_uring_setup", "bpf", "userfaultfd", "perf_event_open",
)  # fmt: skip

MACHINES = {
    "x86_64": (0xC000003E, (319, 447, 29, 248, 249, 250, 425, 321, 323, 298)),
    "aarch64": (0xC00000B7, (279, 447, 194, 217, 218, 219, 425, 280, 282, 241)),
}
"""Of each machine its name in audit.h, and the numbers of the calls in `NAMES`."""

FOREIGN_CALLS = 0x40000000
"""From here on are the calls of x32, which repeat the others under other numbers."""

LOAD, IF_EQUAL, IF_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050001, 0x80000000
NUMBER, MACHINE = 0, 4  # where they stand in what the filter gets


def program() -> bytes | None:
    """Return the filter for this machine, or None for a machine that it does not know."""
    if platform.machine() not in MACHINES:
        return None
    machine, numbers = MACHINES[platform.machine()]
    tests = [(IF_AT_LEAST, FOREIGN_CALLS), *((IF_EQUAL, number) for number in numbers)]
    steps = [
        (LOAD, 0, 0, MACHINE),
        (IF_EQUAL, 1, 0, machine),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        # Each jumps over the tests that are left and over ALLOW
        *((test, len(tests) - i, 0, value) for i, (test, value) in enumerate(tests)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
