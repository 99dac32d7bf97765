# Tries: to find the functions with which checks compute the right answers, and to return these.
# Expect: double 2, largest 2
# Never: FOUND
# %%
import gc
import importlib
import os
import pkgutil
import sys

import course_checks as checks

words = ("lesson_", "expectations", "reference_", "training_checks", "misconceptions", "verdict")
names = {file.name for file in pkgutil.walk_packages(checks.__path__)}
names |= {name.rpartition(".")[2] for name in sys.modules if "course" in name}
names |= {module.__name__ for module in gc.get_objects() if isinstance(module, type(sys))}
print(["FOUND " + name for name in names if name.startswith(words)])
for name in ("lesson_03", "verdict", "reference_network", "reference_data", "expectations"):
    try:
        print("FOUND", importlib.import_module(f"course_checks.{name}"))
    except ImportError:
        continue
# %%
shown = {"__init__.py", "protocol.py", "model_view.py", "model_specs.py"}
for folder, _, files in os.walk("/"):
    if "course_checks" in folder and set(files) - shown and not folder.startswith("/proc"):
        print("FOUND", folder, files)
# %%
checks.depthwise_check(None, points=2)
checks.hand_in("91_small")
# %%
from course_checks.lesson_03 import *

print("FOUND", dir())
