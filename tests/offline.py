"""Run a command in a network of its own: loopback works, nothing else can be reached.

``python tests/offline.py COMMAND...`` does so where this machine allows it. Where it does not, the
command runs all the same on a laptop, and fails in CI.
"""

import os
import shutil
import socket
import struct
import subprocess
import sys

VARIABLE = "NETWORK_IS_CUT"
"""Environment variable that the command finds where there is no network."""
SIOCSIFFLAGS = 0x8914  # Linux: set the flags of a network interface
IFF_UP = 0x1


def offline_command(command: list[str]) -> list[str] | None:
    """Return the command that runs `command` offline, None where this machine cannot do it."""
    if shutil.which("unshare") is None:
        return None
    # Root needs no user namespace; all others need one to be allowed a network namespace.
    for options in ("-n", "-rn"):
        inside = ["unshare", options, "env", f"{VARIABLE}=1", sys.executable, __file__]
        if subprocess.run([*inside, "true"], capture_output=True).returncode == 0:
            return [*inside, *command]
    return None


def routes(table: str) -> list[str]:
    """Return the routes in the text of ``/proc/net/route``; the first line is a heading."""
    return [line for line in table.splitlines()[1:] if line.strip()]


def switch_loopback_on() -> None:
    """Give the network its loopback interface, which Jupyter kernels need."""
    import fcntl  # there is none on Windows, where this module can be imported all the same

    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def main(command: list[str]) -> None:
    """Become the command: inside the new network, or on the way there."""
    if os.environ.get(VARIABLE):
        switch_loopback_on()
    elif offline := offline_command(command):
        command = offline
    elif os.environ.get("CI") == "true":
        sys.exit("The network could not be cut off: unshare does not work here.")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
