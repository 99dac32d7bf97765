# Tries: to change Python, the course and the images, for the submissions graded next.
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
