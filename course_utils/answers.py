"""What passes between a check and a learner's function: plain data, and models seen from outside.

A check calls the learner's function through `ask`. In an exercise that function lives in the
same process. In grading it is a stand-in (`course_utils.grading.proxies`) whose calls go to the
learner's sandboxed process, and nothing comes back but what this module calls plain. The checks
are the same in both.
"""

import base64
import dataclasses
import hashlib
import io
import json
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

DEEPEST = 20
"""How many lists and dicts an answer may hold in each other."""


class LearnerError(Exception):
    """What a learner's function raised, or that it could not be asked.

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
class Recipe:
    """A Keras model (or a read-only array) to be made where the learner's function runs.

    Attributes
    ----------
    name : str
        One of `MODELS`.
    settings : dict
        Arguments of its maker; plain data.
    """

    name: str
    settings: dict = dataclasses.field(default_factory=dict)

    def make(self):
        """Build the model."""
        return MODELS[self.name](**self.settings)


@dataclasses.dataclass(frozen=True)
class Other:
    """An answer that is neither plain data nor a model; only its type is known."""

    kind: str


def ask(function: Callable, *arguments) -> Any:
    """Call a learner's function, and return its answer as plain data.

    Parameters
    ----------
    function : callable
        The learner's, or its stand-in in grading.
    *arguments : plain data or Recipe
        The function gets copies; of a `Recipe`, the model.

    Returns
    -------
    plain data, ModelView or Other
        See `plain`.

    Raises
    ------
    LearnerError
        If the function raised anything, or is none.
    """
    if hasattr(function, "ask_remotely"):
        return function.ask_remotely(*arguments)
    if not callable(function):
        raise LearnerError("TypeError", f"this is no function but a {type(function).__name__}")
    prepared = [made(argument) for argument in arguments]
    try:
        return plain(function(*prepared))
    except Exception as error:
        text = f"{error}{_place(error, function)}"
        raise LearnerError(type(error).__name__, text) from error


def _place(error: Exception, function: Callable) -> str:
    """Say in which line of the function an error came up; the stub's needs no place."""
    if isinstance(error, NotImplementedError) or not hasattr(function, "__code__"):
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == function.__code__.co_filename]
    return f"\nIn line {own[-1].lineno} of its cell: {own[-1].line}" if own else ""


def made(argument):
    """Return what the learner's function gets: a copy, or the model of a recipe."""
    if isinstance(argument, Recipe):
        return argument.make()
    return decode(encode(argument))


def plain(value, depth: int = 0) -> Any:
    """Return a value as data that can be compared without running code of the learner.

    Tuples become lists, tensors and scalars of other libraries NumPy arrays and Python
    numbers, dataclasses dicts, a Keras model a `ModelView`; anything else becomes `Other`.
    """
    if value is None or isinstance(value, ModelView | Other):
        return value
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if depth > DEEPEST:
        return Other("deeply nested value")
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return plain(fields, depth + 1)
    if _is_model(value):
        return ModelView(value)
    return _plain_array(value)


def _plain_array(value):
    if not hasattr(value, "__array__"):
        return Other(type(value).__name__)
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        return Other(f"array of {array.dtype}")
    return array.item() if array.ndim == 0 else np.array(array)


def _is_model(value) -> bool:
    import sys

    keras = sys.modules.get("keras")  # who has a model has imported keras
    return keras is not None and isinstance(value, keras.Model)


def encode(value, handle: Callable | None = None) -> str:
    """Write plain data as text; `handle` gives a model a number by which to ask for it."""
    return json.dumps(_tagged(plain(value), handle))


def _tagged(value, handle):
    match value:
        case list():
            return {"list": [_tagged(item, handle) for item in value]}
        case dict():
            return {"dict": [[key, _tagged(item, handle)] for key, item in value.items()]}
        case np.ndarray():
            file = io.BytesIO()
            np.save(file, value, allow_pickle=False)
            return {"npy": base64.b64encode(file.getvalue()).decode("ascii")}
        case Other():
            return {"other": value.kind}
        case ModelView() if handle:
            return {"model": handle(value)}
        case ModelView():
            return {"other": "keras.Model"}
        case _:
            return {"value": value}


def decode(text: str, model: Callable | None = None) -> Any:
    """Read what `encode` wrote. Nothing in it is run, imported or unpickled.

    Parameters
    ----------
    text : str
    model : callable, optional
        Makes what stands for a model from its number.

    Raises
    ------
    ValueError
        If the text is anything else.
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
        case "dict":
            return {str(key): _untagged(item, model) for key, item in content}
        case "npy":
            return _array(base64.b64decode(content, validate=True))
        case "other":
            return Other(str(content)[:100])
        case "model" if model and isinstance(content, int):
            return model(content)
        case "value" if content is None or isinstance(content, bool | int | float | str):
            return content
    raise ValueError(f"an answer is damaged (unknown tag {str(tag)[:20]!r})")


def _array(npy: bytes) -> np.ndarray:
    """Read a ``.npy`` file whose header may lie."""
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
    except Exception as error:  # NumPy takes headers apart with Python's own tools
        raise ValueError(f"an array has a damaged header ({type(error).__name__})") from None
    count = 1
    for length in shape:
        count *= length  # of Python's integers, which do not overflow
    if dtype.kind not in "biuf" or count * dtype.itemsize != len(npy) - file.tell():
        raise ValueError("an array is not what its header says")
    file.seek(0)
    return np.load(file, allow_pickle=False)


class ModelView:
    """A Keras model as a check may see it: its facts, its weights, what it predicts and learns.

    Every public method takes and gives plain data, so that a model in another process can be
    asked in the same way.
    """

    def __init__(self, model):
        self._model = model

    def facts(self) -> dict:
        """Describe the model and its layers.

        Returns
        -------
        dict
            ``parameters``, ``trainable_parameters``, ``compiled``, ``loss`` (its name),
            ``from_logits``, ``optimizer``, ``learning_rate`` (these four None where the model
            is not compiled), ``input_shape``, ``output_shape`` (None where the model is a class of
            the learner's), and ``layers``: of each its
            ``name``, ``kind``, ``trainable``, ``parameters`` and ``settings``. Layers of a
            model inside the model follow it.
        """
        model = self._model
        return {
            "parameters": model.count_params(),
            "trainable_parameters": _sizes(model.trainable_weights),
            "compiled": bool(model.compiled),
            **_training(model),
            "input_shape": _shape(model, "input_shape"),
            "output_shape": _shape(model, "output_shape"),
            "layers": [_layer_facts(layer) for layer in _all_layers(model)],
        }

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Return the model's outputs, ``(n, ...)``."""
        return np.asarray(self._model.predict(inputs, verbose=0))

    def weights(self, part: str = "") -> dict[str, np.ndarray]:
        """Return the weights whose path (``layer/kernel``) contains `part`."""
        return {w.path: np.asarray(w) for w in self._model.weights if part in w.path}

    def digests(self) -> dict[str, str]:
        """Return a digest of each weight, by its path: what has moved has another one."""
        return {w.path: _digest(np.asarray(w)) for w in self._model.weights}

    def train_step(self, inputs: np.ndarray, targets: np.ndarray) -> float:
        """Fit one batch as the model was compiled; return the loss."""
        history = self._model.fit(inputs, targets, batch_size=len(inputs), epochs=1, verbose=0)
        return float(history.history["loss"][-1])


QUESTIONS_TO_MODELS = ("facts", "predict", "weights", "digests", "train_step")
"""The methods of `ModelView` that may be called from another process."""


def _digest(array: np.ndarray) -> str:
    return hashlib.blake2b(array.tobytes(), digest_size=16).hexdigest()


def _shape(model, side: str) -> list | None:
    shape = getattr(model, side, None)  # a subclass of keras.Model has none
    return None if shape is None else list(shape)


def _sizes(weights) -> int:
    return int(sum(np.prod(weight.shape) for weight in weights))


def _training(model) -> dict:
    if not model.compiled:
        return dict.fromkeys(["loss", "from_logits", "optimizer", "learning_rate"])
    loss = model.loss
    name = loss if isinstance(loss, str) else getattr(loss, "name", type(loss).__name__)
    settings = loss.get_config() if hasattr(loss, "get_config") else {}
    return {
        "loss": name,
        "from_logits": bool(settings.get("from_logits", False)),
        "optimizer": type(model.optimizer).__name__,
        "learning_rate": float(np.asarray(model.optimizer.learning_rate)),
    }


def _all_layers(model):
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _all_layers(layer)


def _layer_facts(layer) -> dict:
    settings = json.loads(json.dumps(layer.get_config(), default=str))
    settings.pop("layers", None)
    return {
        "name": layer.name,
        "kind": type(layer).__name__,
        "trainable": bool(layer.trainable),
        "parameters": layer.count_params(),
        "settings": settings,
    }


def _backbone(**settings):
    from course_utils.backbones import load_backbone

    return load_backbone(**settings).model


def _second_part(block: str):
    from course_utils.backbones import load_backbone
    from course_utils.transfer import split_at

    return split_at(load_backbone(), block)[1]


def _classifier(features: int, classes: int):
    """Build a small network that ends in a classifier."""
    import keras

    inputs = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(features, 3, activation="relu")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(pooled))


def _linear(kernel: np.ndarray, bias: np.ndarray, pooled: bool = True):
    """Build one softmax layer with these weights, behind average pooling unless `pooled`."""
    import keras

    inputs = keras.Input((len(kernel),) if pooled else (None, None, len(kernel)))
    codes = inputs if pooled else keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Dense(len(bias), activation="softmax")(codes)
    model = keras.Model(inputs, outputs)
    model.layers[-1].set_weights([kernel, bias])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _trained_network(weights: list[np.ndarray]):
    """Build four convolutions and a classifier, compiled and trained a little (at rate 0)."""
    import keras

    network = keras.Sequential([keras.Input((16, 16, 3))])
    for i, kernel in enumerate(weights[0:8:2], start=1):
        convolution = keras.layers.Conv2D(kernel.shape[-1], 3, activation="relu", name=f"conv{i}")
        network.add(convolution)
        if i == 2:
            network.add(keras.layers.MaxPooling2D(name="pool"))
    network.add(keras.layers.GlobalAveragePooling2D(name="avg_pool"))
    network.add(keras.layers.Dense(weights[-1].size, activation="softmax", name="predictions"))
    model = keras.Model(network.inputs, network.outputs)
    model.set_weights(weights)
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    # As the check trains it: other shapes or types would make Keras read trainable once more.
    model.fit(np.zeros((20, 16, 16, 3), "float32"), np.zeros(20, "int64"), verbose=0)
    model.optimizer.learning_rate = 0.1
    return model


def _normalised_backbone(weights: list[np.ndarray]):
    """Build two convolutions with batch normalisation between them."""
    import keras

    filters = len(weights[1])
    inputs = keras.Input((16, 16, 3))
    maps = keras.layers.Conv2D(filters, 3, name="conv1", use_bias=False)(inputs)
    maps = keras.layers.BatchNormalization(name="bn1")(maps)
    maps = keras.layers.ReLU(name="relu1")(maps)
    maps = keras.layers.Conv2D(filters, 3, name="conv2")(maps)
    model = keras.Model(inputs, maps, name="small_backbone")
    model.set_weights(weights)
    return model


def _read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)  # who writes into the argument learns it from an error
    return array


MODELS = {
    "backbone": _backbone,
    "second_part": _second_part,
    "classifier": _classifier,
    "linear": _linear,
    "trained_network": _trained_network,
    "normalised_backbone": _normalised_backbone,
    "read_only": _read_only,
}
"""What a `Recipe` can make: models, and an array that cannot be changed."""
