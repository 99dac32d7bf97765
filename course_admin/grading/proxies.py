"""Proxies for a learner's functions and models, in the judge's process.

A check uses them like the originals. Each call becomes a request to the learner's kernel, and the
reply is read as data: arrays without pickle, numbers, text.
"""

import json

from course_admin.grading.agent import MIME
from course_admin.grading.environment import Undecided, is_environmental
from course_admin.grading.kernel import Kernel
from course_checks.model_view import REMOTE_METHODS
from course_checks.protocol import LearnerError, ModelSpec, decode, encode

CALL = """
from course_admin.grading import agent
agent.reply(get_ipython().kernel.get_parent()["content"]["request"])
"""


class RemoteFunction:
    """A learner's function, known by its name."""

    def __init__(self, kernel: Kernel, name: str):
        self._kernel = kernel
        self._name = name

    def ask_remotely(self, *arguments):
        """Call the function in the learner's process; see `course_checks.protocol.ask`."""
        return _ask(self._kernel, {"function": self._name}, arguments)


class RemoteModel:
    """A model in the learner's process, with the `REMOTE_METHODS` of a `ModelView`."""

    def __init__(self, kernel: Kernel, number: int):
        self._kernel = kernel
        self._number = number

    def __getattr__(self, method: str):
        if method not in REMOTE_METHODS:
            raise AttributeError(method)

        def call(*arguments):
            return _ask(self._kernel, {"model": self._number, "method": method}, arguments)

        return call


def _ask(kernel: Kernel, request: dict, arguments: tuple):
    request["arguments"] = [_encoded(argument) for argument in arguments]
    try:
        text = kernel.ask(CALL, MIME, json.dumps(request))
    except TimeoutError:
        seconds = kernel.limits.cell_seconds
        raise Undecided(f"The function gave no answer within {seconds:.0f} s.") from None
    try:
        answer = json.loads(text or "null")
        if "error" in answer:
            kind, message = answer["error"]
            _raise_learners_error(kernel, str(kind)[:100], str(message)[:2000])
        return decode(answer["answer"], lambda number: RemoteModel(kernel, number))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise LearnerError("NoAnswer", "the call gave no readable answer") from None


def _raise_learners_error(kernel: Kernel, kind: str, message: str):
    if is_environmental(kind, message):
        raise Undecided(f"In the sandbox, the function stopped with {kind}: {message}")
    if kind == "NameError" and kernel.disturbance:
        raise Undecided(f"{message}. A cell before was stopped by {kernel.disturbance}")
    raise LearnerError(kind, message)


def _encoded(argument) -> dict:
    if isinstance(argument, ModelSpec):
        return {"spec": argument.name, "settings": encode(argument.settings)}
    return {"data": encode(argument)}
