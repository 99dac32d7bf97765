# Tries: to make every check say that all is right.
# Expect: double 0, largest 2
# %%
import course_checks as checks
from course_checks import protocol as answers, verdict as verdicts
from course_admin.grading import agent, judge

right = verdicts.Verdict(1.0, 2, "Right.")
for module in (answers, checks, verdicts, agent, judge):
    for name in dir(module):
        if "check" in name or "verdict" in name or "decide" in name:
            setattr(module, name, lambda *args, **kwargs: right)
verdicts.Verdict.earned = property(lambda verdict: 2.0)
# %% double
def double(values):
    return 0 * values
