"""Checks of the exercises: each calls a learner's function and says what it finds.

A check chooses inputs, calls the function, and compares the answer with the right one. A network is
judged by what it does: its predictions, and which of its weights move in training. What it says
about itself only helps to name a mistake. `course_checks.verdict` holds what all checks share; the
checks of an exercise are in the file of its lesson.
"""

import importlib
import pkgutil

from course_checks.hand_in import hand_in
from course_checks.misconceptions import MISCONCEPTIONS
from course_checks.verdict import Verdict, points_so_far

__all__ = ["MISCONCEPTIONS", "Verdict", "hand_in", "points_so_far"]

for _file in pkgutil.iter_modules(__path__):
    if _file.name.startswith("lesson_"):
        _lesson = importlib.import_module(f"{__name__}.{_file.name}")
        globals().update({name: getattr(_lesson, name) for name in _lesson.__all__})
        __all__ += _lesson.__all__
