# Tries: to lead the grader elsewhere, with links where its sockets were.
# Expect: double 2, largest 2
# Never: NOT THERE
# %%
from pathlib import Path

sockets = list(Path.home().glob(".kernel-*"))
print("" if sockets else "NOT THERE")
for socket in sockets:
    socket.unlink()
    socket.symlink_to("/etc/passwd")
