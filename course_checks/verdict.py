"""The verdict of a check: shown as a card, and remembered until the notebook is handed in."""

import dataclasses
import functools
import html
import inspect
import math
import os
import textwrap
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from course_checks.misconceptions import MISCONCEPTIONS
from course_checks.protocol import LearnerError
from course_checks.reference_data import reference_data

STUB_MESSAGE = "Replace this line with your answer."
"""The message of the NotImplementedError that the stub of a question raises."""

HIDDEN_SEEDS = 3
"""With how many secret seeds the grader runs a check that does not declare fewer."""


class Mistake(Exception):
    """A mistake that a check found.

    Parameters
    ----------
    misconception : str or None
        A name in `MISCONCEPTIONS`, whose explanation begins the message.
    detail : str
        What was found, and where to look next.
    score : float
        The fraction of the points that the answer still earns.
    """

    def __init__(self, misconception: str | None, detail: str = "", score: float = 0.0):
        explanation = MISCONCEPTIONS[misconception] if misconception else ""
        super().__init__(" ".join(part for part in (explanation, detail) if part))
        self.misconception = misconception
        self.score = score


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a check says about an answer.

    Attributes
    ----------
    score : float
        The fraction of the points, clipped to 0 to 1.
    points : float
        The points of the question.
    message : str
        What was found.
    misconception : str or None
        A name in `MISCONCEPTIONS`.
    answered : bool
        False while the stub is still there.
    """

    score: float
    points: float
    message: str
    misconception: str | None = None
    answered: bool = True

    def __post_init__(self):
        score = float(self.score)
        clamped = min(max(score, 0.0), 1.0) if math.isfinite(score) else 0.0
        object.__setattr__(self, "score", clamped)

    @property
    def earned(self) -> float:
        """The points that the answer earns."""
        return round(self.score * self.points, 2)

    @property
    def heading(self) -> str:
        """The verdict in one line of words."""
        if not self.answered:
            return f"Not answered yet: 0 of {self.points:g} points"
        word = "Right" if self.score == 1 else "Partly right" if self.score else "Not yet"
        return f"{word}: {self.earned:g} of {self.points:g} points"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        # nbgrader reads partial credit from text/plain
        return {"text/plain": str(float(self.earned)), "text/html": self._card()}

    def _card(self) -> str:
        colour = "success" if self.score == 1 else "warn" if self.answered else "info"
        return (
            '<div role="status" style="border: 1px solid var(--jp-border-color2, #bdbdbd); '
            f"border-left: 6px solid var(--jp-{colour}-color1, #616161); border-radius: 4px; "
            "padding: 8px 12px; max-width: 44em; background: var(--jp-layout-color1, #ffffff); "
            'color: var(--jp-ui-font-color0, #000000);">'
            f"<strong>{html.escape(self.heading)}</strong>"
            f'<div style="margin-top: 4px; white-space: pre-wrap;">{html.escape(self.message)}'
            "</div></div>"
        )


class NotYet(Exception):
    """A verdict raised as an error, because nbgrader's Validate button shows only errors."""

    def __init__(self, verdict: Verdict):
        super().__init__(f"{verdict.heading}. {verdict.message}")

    def _render_traceback_(self) -> list[str]:
        return [textwrap.fill(str(self), 90)]  # the dialog does not break lines


_hidden_seeds: list[int] = []


def set_hidden_seeds(seeds: Sequence[int]) -> None:
    """Let ``seed=None`` mean these secret seeds, as the grader does; without any, it is random."""
    _hidden_seeds[:] = seeds


def check(*needs: str, hidden_seeds: int = HIDDEN_SEEDS) -> Callable:
    """Turn a function that returns praise or raises `Mistake` into a check.

    The check is called as ``name(function, points=2, seed=0)``. It returns a `Verdict` and
    never raises for a mistake of the learner's. With ``seed=None`` the cases are unpredictable; in
    grading they come from several secret seeds, the same for all learners, and the lowest verdict
    counts.

    Parameters
    ----------
    *needs : str
        Parts of the `reference_data`. The decorated function gets the learner's function, a random
        generator, these parts, and the further keyword arguments of the call.
    hidden_seeds : int
        How many of the grader's seeds it runs with: fewer for a check that trains for long.
    """

    def decorate(judge: Callable) -> Callable:
        def run(function, *, points: float, seed: int | None = 0, **settings) -> Verdict:
            # Outside of `_verdict`: missing data are not the learner's mistake
            given = [reference_data(part) for part in needs]
            seeds = _hidden_seeds[:hidden_seeds] if seed is None and _hidden_seeds else [seed]
            rngs = map(np.random.default_rng, seeds)
            verdict = _lowest(
                _verdict(functools.partial(judge, function, rng, *given, **settings), points)
                for rng in rngs
            )
            remember(function, seed, verdict)
            if verdict.score < 1 and os.environ.get("NBGRADER_VALIDATING"):
                raise NotYet(verdict)
            return verdict

        functools.update_wrapper(run, judge)
        del run.__wrapped__  # help() shows how it is called, not what it wraps
        run.needs = needs
        return run

    return decorate


def _lowest(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the first verdict with the lowest score; nothing is lower than 0."""
    lowest = None
    for verdict in verdicts:
        if lowest is None or verdict.score < lowest.score:
            lowest = verdict
        if lowest.score == 0:
            break
    return lowest


def _verdict(judge: Callable[[], str], points: float) -> Verdict:
    try:
        return Verdict(1.0, points, judge())
    except Mistake as mistake:
        return Verdict(mistake.score, points, str(mistake), mistake.misconception)
    except LearnerError as error:
        return _verdict_on_error(error, points)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        message = f"The answer does not have the right form ({error})."
        return Verdict(0.0, points, message)


_ERRORS = (
    ("read-only", "argument-changed"),
    ("`target.ndim - 1`", "one-hot-for-sparse-loss"),
    ("Arguments `target` and `output` must have the same", "numbers-for-one-hot-loss"),
    ("Dimensions must be equal", "loss-of-another-form"),
)
"""Part of the error that Keras or NumPy raises, and the misconception behind it."""


def _verdict_on_error(error: LearnerError, points: float) -> Verdict:
    if error.kind == "NotImplementedError" and error.text in ("", STUB_MESSAGE):
        message = "Write your answer in the cell above, run it, then run this cell again."
        return Verdict(0.0, points, message, answered=False)
    for text, misconception in _ERRORS:
        if text in error.text:
            explanation = MISCONCEPTIONS[misconception]
            message = f"{explanation}\nPython stopped with {error.kind}: {_short(error.text)}"
            return Verdict(0.0, points, message, misconception)
    if error.kind == "TimeoutError":
        return Verdict(0.0, points, f"The function took too long: {_short(error.text)}.")
    return Verdict(
        0.0, points, f"The function stopped with {error.kind}: {_short(error.text) or 'no message'}"
    )


def _short(text: str, most: int = 400) -> str:
    text = text.strip()
    return text if len(text) <= most else f"{text[:most]} ..."


MOST_ATTEMPTS = 50
"""Of one question, that are remembered."""

_verdicts: dict[str, dict[int | None, Verdict]] = {}
_attempts: dict[str, list[dict]] = {}
_sources: dict[str, str] = {}


def remember(function, seed: int | None, verdict: Verdict) -> None:
    """Keep the last verdict on a function in this session, and its source as it was run."""
    name = getattr(function, "__name__", None)
    if name is None:
        return
    _verdicts.setdefault(name, {})[seed] = verdict
    attempts = _attempts.setdefault(name, [])
    if verdict.answered and len(attempts) < MOST_ATTEMPTS:
        attempts.append({"score": verdict.score, "misconception": verdict.misconception})
    try:
        _sources[name] = inspect.getsource(function)
    except (OSError, TypeError):
        _sources.pop(name, None)


def points_so_far() -> dict[str, float]:
    """Return the points of each function that was checked in this session, by its name.

    If it was checked with several seeds, the lowest counts.
    """
    return {
        name: min(verdict.earned for verdict in verdicts.values())
        for name, verdicts in _verdicts.items()
    }


def attempts_so_far() -> dict[str, list[dict]]:
    """Return the score and misconception of each check of a function in this session, by name."""
    return {name: list(attempts) for name, attempts in _attempts.items() if attempts}


def sources_as_run() -> dict[str, str]:
    """Return the source of each function that was checked in this session."""
    return dict(_sources)


def forget() -> None:
    """Forget all verdicts of this session."""
    _verdicts.clear()
    _attempts.clear()
    _sources.clear()
