"""Checks of exercise 5: fine-tuning."""

import numpy as np

from course_checks.expectations import (
    ask_model,
    expect_model,
    expect_number,
    facts_of,
    predictions_of,
    probabilities_of,
    require_all,
    train_step,
    weights_of,
)
from course_checks.protocol import ModelSpec, ask
from course_checks.reference_network import convolution, network_outputs, network_weights
from course_checks.training_checks import (
    fits_codes,
    require_accuracy,
    require_learning,
    require_loss,
    require_probabilities,
)
from course_checks.verdict import Mistake, check

__all__ = [
    "batch_norm_fine_tuning",
    "fine_tuned_part",
    "first_convolutions_frozen",
    "trainable_after_freezing",
]

ENOUGH_FOR_SIGNS = 0.68
"""An accuracy that a sound training passes with a wide margin in both editions."""


@check("backbone")
def trainable_after_freezing(function, rng, backbone) -> str:
    """Check ``function(backbone, block)``: trainable weights after freezing up to the block."""
    right, arrays = backbone["trainable"], backbone["arrays"]
    total = int(backbone["total"])
    numbers = [4, int(rng.integers(2, 4))]
    for number in numbers:
        answer = expect_number(ask(function, ModelSpec("backbone"), f"block{number}"))
        case = f"Frozen up to block{number}: you gave {answer:,.10g}."
        if answer == right[number]:
            continue
        if answer in (arrays[number], arrays[0]):
            raise Mistake("tensors-counted", case)
        if answer in (right[number - 1], right[number + 1]):
            raise Mistake("one-block-off", case)
        if answer == total - right[number]:
            raise Mistake("frozen-part-counted", case)
        if answer in (right[0], total):
            raise Mistake(None, f"These are all its weights, including the frozen ones. {case}")
        raise Mistake(None, f"{case} Count the weights in trainable_weights after freezing.")
    return f"{right[4]:,} of {total:,} weights remain trainable after block4."


@check()
def first_convolutions_frozen(function, rng) -> str:
    """Check ``function(model, n)``: training leaves the first n convolutions unchanged.

    The model was compiled and trained before; the function returns it ready for training with
    integer labels.
    """
    for n in rng.permutation([1, 2, 3])[:2]:
        weights = network_weights(rng)
        model = expect_model(
            ask(function, ModelSpec("trained_network", {"weights": weights}), int(n))
        )
        inputs = rng.normal(0, 0.4, (20, 16, 16, 3)).astype("float32")
        labels = rng.integers(0, 3, len(inputs))
        train_step(model, inputs, labels)
        before = [weights[i : i + 2] for i in range(0, len(weights), 2)]
        after = [weights_of(model, name) for name in _NETWORK]
        predictions = predictions_of(model, inputs, 3)
        differ = np.ptp(predictions, axis=0).max() > 0.001
        if not differ or not np.allclose(predictions, network_outputs(inputs, after), atol=0.02):
            raise Mistake(None, "The network is no longer the given one.")
        still = [
            all(np.array_equal(a, b) for a, b in zip(*pair, strict=True))
            for pair in zip(before, after, strict=True)
        ]
        _require_still(model, still, int(n))
        _require_step(before, after, inputs, labels)
    return "The first convolutions keep their weights exactly; all other layers learn."


_NETWORK = ("conv1", "conv2", "conv3", "conv4", "predictions")


def _require_still(model, still: list[bool], n: int) -> None:
    """Require the first n of four convolutions, and nothing else, to keep their weights."""
    if still == [i < n for i in range(5)]:
        return
    kept = ", ".join(name for name, is_still in zip(_NETWORK, still, strict=True) if is_still)
    case = (
        f"Frozen should be the first {n}; what kept its weights in training: {kept or 'nothing'}."
    )
    flags = {layer["name"]: layer["trainable"] for layer in facts_of(model)["layers"]}
    if [not flags.get(name, True) for name in _NETWORK] != still:
        raise Mistake("trainable-after-compile", case, score=1 / 3)
    if all(still):
        raise Mistake("everything-frozen", case)
    if not any(still) and n > 1:
        raise Mistake("backbone-not-frozen", case)
    if still == sorted(still, reverse=True) and abs(sum(still) - n) <= 2:
        raise Mistake("off-by-one", case, score=1 / 3)
    raise Mistake(None, f"Other layers than the first {n} convolutions are frozen. {case}")


def _require_step(before: list, after: list, inputs, labels, rate: float = 0.1) -> None:
    """Require the classifier's biases to move as in a step of SGD, computed in NumPy."""
    probabilities = network_outputs(inputs, before)
    gradient = (probabilities - np.eye(probabilities.shape[1])[labels]).mean(axis=0)
    step = after[-1][1] - before[-1][1]
    if not np.allclose(step, -rate * gradient, rtol=0.1, atol=0.002):
        detail = (
            "The right layers learn, but not as they do with cross-entropy and SGD at a rate of"
        )
        raise Mistake(None, f"{detail} {rate:g}.", score=2 / 3)


@check()
def batch_norm_fine_tuning(function, rng, classes: int = 4) -> str:
    """Check ``function(backbone, classes, head_rate)``: a network ready to be fine-tuned.

    Adam at a tenth of `head_rate`, batch normalisation in inference mode, convolutions
    trainable, integer labels.
    """
    head_rate = float(rng.choice([0.02, 0.008, 0.004]))
    given = _normalised_weights(rng)
    backbone = ModelSpec("normalised_backbone", {"weights": list(given.values())})
    model = expect_model(ask(function, backbone, classes, head_rate))
    inputs = rng.normal(0, 1, (24, 16, 16, 3)).astype("float32")
    labels = rng.integers(0, classes, len(inputs))
    before, first = probabilities_of(model, inputs, classes), _by_ending(model, given)
    loss = train_step(model, inputs, labels)
    after, last = predictions_of(model, inputs, classes), _by_ending(model, given)
    changes = {name: float(np.abs(last[name] - first[name]).max()) for name in first}
    if any(change for name, change in changes.items() if "moving" in name):
        raise Mistake("batch-norm-training", _INFERENCE_MODE, score=1 / 3)
    require_all(
        lambda: require_loss(model, loss, before, labels),
        lambda: _require_normalised(given, first, last, inputs, labels, [before, after]),
    )
    if not any(change for name, change in changes.items() if "conv" in name):
        raise Mistake("backbone-still-frozen", score=1 / 3)
    _require_rate(model, changes, head_rate)
    return f"The convolutions learn at {head_rate / 10:g}, and batch normalisation does not change."


def _normalised_weights(rng) -> dict[str, np.ndarray]:
    """Return weights for ``normalised_backbone``, with moving means unlike the inputs'."""
    filters = int(rng.integers(4, 9))
    arrays = {
        "conv1/kernel": rng.normal(0, 0.3, (3, 3, 3, filters)),
        "bn1/gamma": rng.uniform(0.5, 1.5, filters),
        "bn1/beta": rng.normal(0, 0.1, filters),
        "bn1/moving_mean": rng.uniform(1, 2, filters),
        "bn1/moving_variance": rng.uniform(0.5, 1.5, filters),
        "conv2/kernel": rng.normal(0, 0.7, (3, 3, filters, filters)),
        "conv2/bias": rng.normal(0, 0.1, filters),
    }
    return {name: np.asarray(array, "float32") for name, array in arrays.items()}


def _by_ending(model, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the model's weights by their names in the backbone, and those of the head."""
    names = (*given, "head/kernel", "head/bias")
    dense = [layer["name"] for layer in facts_of(model)["layers"] if layer["kind"] == "Dense"]
    if len(dense) != 1:
        raise Mistake(None, f"The head should have one Dense layer; it has {len(dense)}.")
    paths = {str(path): array for path, array in ask_model(model, "weights").items()}
    found = {}
    for name in names:
        ending = name.replace("head/", f"{dense[0]}/")
        array = [array for path, array in paths.items() if path.endswith(ending)]
        if len(array) != 1:
            raise Mistake(None, f"The weights {ending[:60]} are missing: was the backbone used?")
        found[name] = np.asarray(array[0], "float64")
    return found


def _require_normalised(given, first, last, inputs, labels, predictions: list) -> None:
    """Compare predictions before and after the step with those of the weights, in NumPy."""
    if first["head/kernel"].shape[0] != len(given["conv2/bias"]):
        raise Mistake("flatten-for-pooling", "Use GlobalAveragePooling2D.", score=1 / 3)
    same = all(np.allclose(first[name], array, atol=1e-6) for name, array in given.items())
    pooled = [_normalised_forward(inputs, weights) for weights in (first, last)]
    heads = [{end: w[f"head/{end}"] for end in ("kernel", "bias")} for w in (first, last)]
    fits = map(fits_codes, predictions, pooled, heads)
    if not (same and all(fits)):
        raise Mistake(
            None,
            "The network is not average pooling and a softmax layer on the given backbone, with "
            "batch normalisation in inference mode.",
            score=1 / 3,
        )
    targets = np.eye(predictions[0].shape[1])[labels]
    require_learning(*heads, pooled[0], targets, predictions)


def _normalised_forward(inputs: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Compute what ``normalised_backbone`` computes, in inference mode, averaged over the maps."""
    maps = convolution(inputs, weights["conv1/kernel"]) - weights["bn1/moving_mean"]
    scale = weights["bn1/gamma"] / np.sqrt(weights["bn1/moving_variance"] + 1e-3)
    maps = np.maximum(maps * scale + weights["bn1/beta"], 0)
    maps = convolution(maps, weights["conv2/kernel"], weights["conv2/bias"])
    return maps.mean(axis=(1, 2))


_INFERENCE_MODE = (
    "Its moving averages change in training. Freeze its layers, or use add_classifier; "
    "training=False in the call does not reach the layers of a nested model in fit."
)


def _require_rate(model, changes: dict, head_rate: float) -> None:
    # Adam's first step moves every weight by the learning rate, whatever its gradient
    step = max(changes.values())
    name = str(facts_of(model)["optimizer"])[:30]
    if np.isclose(step, head_rate / 10, rtol=0.1):
        return
    detail = f"The head's rate was {head_rate:g}; the weights move by up to {step:.2g} per step."
    if np.isclose(step, head_rate, rtol=0.1):
        raise Mistake("head-rate-for-backbone", detail, score=2 / 3)
    raise Mistake(
        None, f"Use Adam at a tenth of it (your optimizer is {name}). {detail}", score=2 / 3
    )


@check("signs")
def fine_tuned_part(function, rng, signs, enough: float = ENOUGH_FOR_SIGNS) -> str:
    """Check ``function(second, features, labels)``: the last block, fine-tuned for ten signs.

    It is judged on signers it has never seen. The class indices are drawn at random.
    """
    names = rng.permutation(10)
    labels = names[signs["labels"]]
    signers = rng.permutation(np.unique(signs["signers"]))
    held_back = np.isin(signs["signers"], signers[: len(signers) // 3])
    learn = rng.permutation(np.flatnonzero(~held_back))[:400]
    hold = rng.permutation(np.flatnonzero(held_back))[:200]
    second = ModelSpec("second_part", {"block": "block4"})
    model = expect_model(ask(function, second, signs["features"][learn], labels[learn]))
    answers = probabilities_of(model, signs["features"][hold], 10)
    require_probabilities(model)
    facts = facts_of(model)
    head = sum(layer["parameters"] for layer in facts["layers"] if layer["kind"] == "Dense")
    if facts["trainable_parameters"] <= head:
        right = (answers.argmax(axis=1) == labels[hold]).mean()
        detail = f"It reaches an accuracy of {right:.0%} on signers it has never seen."
        raise Mistake("backbone-still-frozen", detail, score=0.25)
    return require_accuracy(answers, labels[hold], enough, chance=0.4)
