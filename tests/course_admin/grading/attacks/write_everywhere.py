# Tries: to change Python, the course and the images, for the submissions graded next;
# to find a disk to fill.
# Expect: double 2, largest 2
# Never: FOUND
# %%
import json
import sys
from pathlib import Path

import course_utils

homes = [Path(course_utils.__file__).parent, Path(json.__file__).parent, Path(sys.prefix)]
for folder in [*homes, Path("/usr"), Path("/"), Path("/data/pocket"), Path("/data")]:
    try:
        (folder / "left_behind_by_an_attack").write_text("import os")
        print("FOUND a way to write to", folder)
    except OSError:
        continue
# %%
import os
from pathlib import Path

mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
kinds = {line[4]: line[line.index("-") + 1] for line in mounts}
places = [folder for folder, _, _ in os.walk("/") if not folder.startswith(("/proc", "/usr"))]
for place in {*kinds, *places}:
    nearest = max((mount for mount in kinds if place.startswith(mount)), key=len)
    try:
        open(f"{place}/left_behind_by_an_attack", "w").close()
        if kinds[nearest] != "tmpfs" or nearest not in ("/learner", "/dev/shm"):
            print("FOUND", place, kinds[nearest])
    except OSError:
        continue
# %%
for line in mounts:
    if "rw" in line[5].split(",") and line[4] not in ("/learner", "/dev/shm", "/dev/pts"):
        if os.access(line[4], os.W_OK) and os.path.isdir(line[4]):
            print("FOUND", line[4])
