# Tries: to make every check say that everything is right.
# Expect: double 0, largest 2
# %%
import course_checks as checks
from course_checks import protocol, verdict
from course_admin.grading import agent

right = verdict.Verdict(1.0, 2, "Right.")
for module in (protocol, checks, verdict, agent):
    for name in dir(module):
        if "check" in name or "verdict" in name or "decide" in name:
            setattr(module, name, lambda *args, **kwargs: right)
verdict.Verdict.earned = property(lambda self: 2.0)
# %% double
def double(values):
    return 0 * values
