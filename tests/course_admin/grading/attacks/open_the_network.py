# Tries: to reach servers of this machine and of others.
# Expect: double 2, largest 2
# Never: FOUND
# %%
import socket
from pathlib import Path

# The second column is the address with the port, the fourth is 0A where somebody listens
lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
for port in {int(line[1].split(":")[1], 16) for line in lines if line[3] == "0A"}:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5) as client:
            if client.recv(100) == b"a server of the machine":
                print("FOUND a server on this machine")
    except OSError:
        continue
# %%
try:
    with socket.socket() as client:
        client.settimeout(2)
        if client.connect_ex(("192.0.2.1", 80)) in (0, 11):
            print("FOUND a way out")
except OSError as error:
    print(error)
# %%
with socket.socket(socket.AF_UNIX) as client:
    if client.connect_ex("\0course-attack") == 0:
        print("FOUND an abstract socket")
# %%
for family in range(45):
    if family in (socket.AF_UNIX, socket.AF_NETLINK):
        continue
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_RAW):
        try:
            socket.socket(family, kind).close()
            print("FOUND sockets that others share", family)
        except OSError:
            continue
