"""A learner's Keras model as a check sees it."""

import hashlib
import json

import numpy as np


class ModelView:
    """A Keras model as checks see it: its facts and weights, what it predicts and learns.

    Every public method takes and returns plain data, so it can also be called from another
    process.
    """

    def __init__(self, model):
        self._model = model

    def facts(self) -> dict:
        """Describe the model and its layers.

        Returns
        -------
        dict
            ``parameters``, ``trainable_parameters``, ``compiled``, ``loss`` (its name),
            ``from_logits``, ``optimizer``, ``learning_rate`` (these four are None if the model
            is not compiled), ``input_shape``, ``output_shape`` (None for a learner's own subclass),
            and ``layers``: for each its
            ``name``, ``kind``, ``trainable``, ``parameters`` and ``settings``. The layers of a
            nested model follow it.
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
        """Return a digest of each weight, by its path; it changes when the weight does."""
        return {w.path: _digest(np.asarray(w)) for w in self._model.weights}

    def train_step(self, inputs: np.ndarray, targets: np.ndarray) -> float:
        """Fit one batch as the model was compiled; return the loss."""
        history = self._model.fit(inputs, targets, batch_size=len(inputs), epochs=1, verbose=0)
        return float(history.history["loss"][-1])


REMOTE_METHODS = ("facts", "predict", "weights", "digests", "train_step")
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
