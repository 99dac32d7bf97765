# Tries: to read the rest of the course from where the shown packages are: solutions, tests, judge.
# Expect: double 2, largest 2
# Never: FOUND
# %%
from pathlib import Path

import course_utils
from course_admin.grading import agent

checkout = Path(course_utils.__file__).parents[1]
for name in ("instructor", "tests", "notebooks", "data_scripts", "experiments", ".git"):
    if (checkout / name).exists():
        print("FOUND", name)
for path in (checkout / "course_admin").rglob("*.py"):
    if path != Path(agent.__file__):
        print("FOUND", path)
# %%
import data_scripts

print("FOUND", data_scripts)
# %%
from course_admin.grading import judge

print("FOUND", judge)
