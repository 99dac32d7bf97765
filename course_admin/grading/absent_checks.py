"""What ``import course_checks as checks`` gives in the sandbox: no check.

The sandbox shows this file in place of `course_checks`. Graded cells run in the grader's process,
so a submission needs no check; and what computes a right answer must not lie beside a wrong one.
A cell of the learner's own may still call one, and goes on.
"""


def __getattr__(name: str):
    if name.startswith("_"):
        raise AttributeError(name)
    return _runs_in_the_grader


def _runs_in_the_grader(*arguments, **settings) -> None:
    print("Checks run in the grader: this call is not needed here.")
