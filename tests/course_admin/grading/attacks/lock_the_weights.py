# Tries: to lock files of the course, for which every honest neighbour then waits.
# Expect: double 2, largest 2
# Never: FOUND
# %%
import fcntl
from pathlib import Path

import course_utils

weights = next((Path(course_utils.__file__).parent / "weights").glob("*.h5"))
first, second = weights.open("rb"), weights.open("rb")
fcntl.flock(first, fcntl.LOCK_EX)
try:
    fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("FOUND a lock")
# %%
for lease in (fcntl.F_RDLCK, fcntl.F_WRLCK):
    fcntl.fcntl(weights.open("rb"), fcntl.F_SETLEASE, lease)
    print("FOUND a lease")
