# Tries: to lead the grader elsewhere, with links where its sockets were.
# Expect: double any, largest any
# %%
from pathlib import Path

from ipykernel.connect import get_connection_file

for socket in Path(get_connection_file()).parent.glob("socket-*"):
    socket.unlink()
    socket.symlink_to("/etc/passwd")
