"""Run a command in a network of its own: loopback works, nothing else can be reached.

``python tests/offline.py COMMAND...`` is run inside the new network by `offline_command`;
it switches loopback on, which the Jupyter kernels need, and becomes the command.
"""

import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

SIOCSIFFLAGS = 0x8914  # Linux: set the flags of a network interface
IFF_UP = 0x1


def offline_command(command: list[str]) -> list[str] | None:
    """Return the command that runs `command` offline, None where this machine cannot do it."""
    if shutil.which("unshare") is None:
        return None
    # Root needs no user namespace; all others need one to be allowed a network namespace.
    for options in ("-n", "-rn"):
        inside = ["unshare", options, sys.executable, str(Path(__file__).resolve())]
        if subprocess.run([*inside, "true"], capture_output=True).returncode == 0:
            return [*inside, *command]
    return None


def routes(table: str) -> list[str]:
    """Return the routes in the text of ``/proc/net/route``; the first line is a heading."""
    return [line for line in table.splitlines()[1:] if line.strip()]


def switch_loopback_on() -> None:
    """Give the network its loopback interface, without the ``ip`` command."""
    import fcntl  # there is none on Windows, where this module can be imported all the same

    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


if __name__ == "__main__":
    switch_loopback_on()
    os.execvp(sys.argv[1], sys.argv[1:])
