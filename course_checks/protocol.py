"""The protocol between a check and a learner's function: plain data, and models seen from outside.

A check calls the learner's function through `ask`. In an exercise that function lives in the same
process. In grading it is a proxy (`course_admin.grading.proxies`) whose calls go to the learner's
sandboxed process, and only plain data come back. The checks are the same in both.
"""

import base64
import dataclasses
import functools
import io
import json
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from course_checks.model_specs import MODELS
from course_checks.model_view import ModelView

DEEPEST = 20
"""How deeply lists and dicts may be nested in an answer."""


class LearnerError(Exception):
    """An error of a learner's function, or the reason why it could not be called.

    Attributes
    ----------
    kind : str
        The name of the exception, for example ``"NotImplementedError"``.
    text : str
        Its message.
    """

    def __init__(self, kind: str, text: str = ""):
        super().__init__(f"{kind}: {text}" if text else kind)
        self.kind = kind
        self.text = text


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """A Keras model (or a read-only array) to be built where the learner's function runs.

    Attributes
    ----------
    name : str
        One of `MODELS`.
    settings : dict
        Arguments of the function that builds it; plain data.
    """

    name: str
    settings: dict = dataclasses.field(default_factory=dict)

    def make(self):
        """Build the model."""
        return MODELS[self.name](**self.settings)


@dataclasses.dataclass(frozen=True)
class Opaque:
    """An answer that is neither plain data nor a model: only its type is known."""

    kind: str


def ask(function: Callable, *arguments) -> Any:
    """Call a learner's function, and return its answer as plain data.

    Parameters
    ----------
    function : callable
        The learner's, or its proxy in grading.
    *arguments : plain data or ModelSpec
        The function gets copies, in which tuples stay tuples, and the model in place of its
        `ModelSpec`.

    Returns
    -------
    plain data, ModelView or Opaque
        See `to_plain_data`.

    Raises
    ------
    LearnerError
        If the function raised anything, or is not a function.

    Examples
    --------
    >>> ask(lambda values: (values.max(), len(values)), np.array([1.5, 3.0]))
    [3.0, 2]
    """
    if hasattr(function, "ask_remotely"):
        return function.ask_remotely(*arguments)
    if not callable(function):
        raise LearnerError("TypeError", f"this is not a function but a {type(function).__name__}")
    prepared = [materialize(argument) for argument in arguments]
    try:
        return to_plain_data(function(*prepared))
    except Exception as error:
        text = f"{error}{_place(error, function)}"
        raise LearnerError(type(error).__name__, text) from error


def _place(error: Exception, function: Callable) -> str:
    """Return the line of the function that raised an error; the stub needs none."""
    if isinstance(error, NotImplementedError) or not hasattr(function, "__code__"):
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == function.__code__.co_filename]
    return f"\nIn line {own[-1].lineno} of its cell: {own[-1].line}" if own else ""


def materialize(argument):
    """Return what the learner's function gets: the model of a spec, or a copy of the data."""
    if isinstance(argument, ModelSpec):
        return argument.make()
    return decode(encode(argument))


def to_plain_data(value, depth: int = 0, keep_tuples: bool = False) -> Any:
    """Return a value as data that can be compared without running the learner's code.

    Tuples become lists unless `keep_tuples`, tensors and scalars of other libraries NumPy arrays
    and Python numbers, dataclasses dicts, a Keras model a `ModelView`; anything else becomes
    `Opaque`.

    >>> to_plain_data({"size": (2, np.float32(0.5)), "file": object()})
    {'size': [2, 0.5], 'file': Opaque(kind='object')}
    """
    if value is None or isinstance(value, ModelView | Opaque):
        return value
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if depth > DEEPEST:
        return Opaque("deeply nested value")
    plain = functools.partial(to_plain_data, depth=depth + 1, keep_tuples=keep_tuples)
    if isinstance(value, list | tuple):
        items = [plain(item) for item in value]
        return tuple(items) if keep_tuples and isinstance(value, tuple) else items
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return plain(fields)
    if _is_model(value):
        return ModelView(value)
    return _array_to_plain_data(value)


def _array_to_plain_data(value):
    if not hasattr(value, "__array__"):
        return Opaque(type(value).__name__)
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        return Opaque(f"array of {array.dtype}")
    return array.item() if array.ndim == 0 else np.array(array)


def _is_model(value) -> bool:
    import sys

    keras = sys.modules.get("keras")  # a model exists only if keras was imported
    return keras is not None and isinstance(value, keras.Model)


def encode(value, handle: Callable | None = None) -> str:
    """Write plain data as text; `handle` returns a number that stands for a model."""
    return json.dumps(_tagged(to_plain_data(value, keep_tuples=True), handle))


def _tagged(value, handle):
    match value:
        case list() | tuple():
            return {type(value).__name__: [_tagged(item, handle) for item in value]}
        case dict():
            return {"dict": [[key, _tagged(item, handle)] for key, item in value.items()]}
        case np.ndarray():
            file = io.BytesIO()
            np.save(file, value, allow_pickle=False)
            return {"npy": base64.b64encode(file.getvalue()).decode("ascii")}
        case Opaque():
            return {"opaque": value.kind}
        case ModelView() if handle:
            return {"model": handle(value)}
        case ModelView():
            return {"opaque": "keras.Model"}
        case _:
            return {"value": value}


def decode(text: str, model: Callable | None = None) -> Any:
    """Read what `encode` wrote, without running, importing or unpickling any of it.

    Parameters
    ----------
    text : str
    model : callable, optional
        Returns a proxy for the model with a number.

    Raises
    ------
    ValueError
        If the text is anything else.

    Examples
    --------
    >>> decode(encode([1, {"mean": 0.5}]))
    [1, {'mean': 0.5}]
    """
    try:
        return _untagged(json.loads(text), model)
    except RecursionError:
        raise ValueError("an answer is too deeply nested") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"an answer is damaged ({type(error).__name__})") from None


def _untagged(tagged, model):
    ((tag, content),) = tagged.items()
    match tag:
        case "list":
            return [_untagged(item, model) for item in content]
        case "tuple":
            return tuple(_untagged(item, model) for item in content)
        case "dict":
            return {str(key): _untagged(item, model) for key, item in content}
        case "npy":
            return _array(base64.b64decode(content, validate=True))
        case "opaque":
            return Opaque(str(content)[:100])
        case "model" if model and isinstance(content, int):
            return model(content)
        case "value" if content is None or isinstance(content, bool | int | float | str):
            return content
    raise ValueError(f"an answer is damaged (unknown tag {str(tag)[:20]!r})")


def _array(npy: bytes) -> np.ndarray:
    """Read a ``.npy`` file without trusting its header."""
    file = io.BytesIO(npy)
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError("an array has an unknown format")
    try:
        shape, _, dtype = read[version](file, max_header_size=1000)
    except Exception as error:  # NumPy parses headers with Python's own tools
        raise ValueError(f"an array has a damaged header ({type(error).__name__})") from None
    count = 1
    for length in shape:
        count *= length  # Python's integers do not overflow
    if dtype.kind not in "biuf" or count * dtype.itemsize != len(npy) - file.tell():
        raise ValueError("an array is not what its header says")
    file.seek(0)
    return np.load(file, allow_pickle=False)
