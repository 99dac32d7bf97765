# Tries: to make every check say that everything is right.
# Expect: double 0, largest 2
# %%
import sys
import types

import course_checks as checks
from course_admin.grading import agent
from course_checks import protocol


class Verdict:
    score = earned = points = 2.0
    message, misconception = "Right.", None


verdict = types.ModuleType("course_checks.verdict")
verdict.Verdict = Verdict
verdict.check = lambda *_, **__: lambda _: lambda *_, **__: Verdict()
sys.modules["course_checks.verdict"] = verdict
for module in (protocol, checks, agent):
    for name in ("check", "decide", "double_check", "Verdict"):
        setattr(module, name, lambda *args, **kwargs: Verdict())
# %% double
def double(values):
    return 0 * values
