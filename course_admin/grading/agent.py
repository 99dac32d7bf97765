"""The grader's part inside the learner's process: it answers requests with data, nothing else.

Nothing here is trusted. A submission may change all of it; the judge still receives only data, and
decides in another process what they are worth.
"""

import json
import random
import sys

import numpy as np

from course_checks.model_view import REMOTE_METHODS, ModelView
from course_checks.protocol import LearnerError, ModelSpec, ask, decode, encode

MIME = "application/vnd.course.answer"

_models: list[ModelView] = []


def reply(request: str) -> None:
    """Answer a request of the judge by displaying data.

    Parameters
    ----------
    request : str
        JSON with the encoded ``arguments``, and either the ``function`` to call or the
        ``model`` and its ``method``.
    """
    from IPython.display import publish_display_data

    request = json.loads(request)
    try:
        arguments = [_argument(argument) for argument in request["arguments"]]
        if "function" in request:
            _seed_generators()
            value = ask(_function(request["function"]), *arguments)
        else:
            value = _method(request["model"], request["method"])(*arguments)
        answer = {"answer": encode(value, _handle)}
    except LearnerError as error:
        answer = {"error": [error.kind, error.text[:2000]]}
    except Exception as error:
        answer = {"error": [type(error).__name__, str(error)[:2000]]}
    publish_display_data({MIME: json.dumps(answer)})


def _seed_generators() -> None:
    """Let a call draw the same numbers each time: the same code is to get the same points."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the generator that many learners use
    if keras := sys.modules.get("keras"):
        keras.utils.set_random_seed(0)


def _argument(argument: dict):
    if "spec" in argument:
        return ModelSpec(argument["spec"], decode(argument["settings"]))
    return decode(argument["data"])


def _function(name: str):
    learners = vars(sys.modules["__main__"])
    if name not in learners:
        raise LearnerError("NameError", f"there is no {name}: was its cell deleted or renamed?")
    return learners[name]


def _method(number: int, method: str):
    if method not in REMOTE_METHODS:
        raise LearnerError("AttributeError", method)
    return getattr(_models[number], method)


def _handle(model: ModelView) -> int:
    _models.append(model)
    return len(_models) - 1
