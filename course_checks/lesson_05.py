"""Checks of exercise 5: fine-tuning."""

import itertools

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
from course_checks.reference_network import (
    NETWORK,
    convolution,
    counts_to_freeze,
    network_outputs,
    network_weights,
)
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

ENOUGH_FOR_SIGNS = 0.6
"""An accuracy that a sound training passes with a wide margin in both editions."""


@check()
def trainable_after_freezing(function, rng) -> str:
    """Check ``function(backbone, block)``: trainable weights after freezing up to the block.

    A right answer counts every number in the kernels and biases after `block`, of the network
    that it is given: a small one, because the counts of the course's backbone can be looked up.
    """
    for block in rng.permutation([2, 3, 4]):
        filters, ways = _draw_blocks(rng, int(block))
        backbone = ModelSpec("blocks", {"filters": filters})
        answer = expect_number(ask(function, backbone, f"block{block}"))
        _require_count(answer, ways, f"block{block}")
    return f"{answer:,} of {ways['all']:,} weights remain trainable after block{block}."


def _draw_blocks(rng, block: int) -> tuple[list[list[int]], dict[str, int]]:
    """Draw the numbers of filters in five blocks, such that no two ways of counting agree."""
    while True:
        filters = [rng.integers(3, 10, rng.integers(1, 4)).tolist() for _ in range(5)]
        ways = _ways_to_count(filters, block)
        if len(set(ways.values())) == len(ways):
            return filters, ways


def _ways_to_count(filters: list[list[int]], block: int) -> dict[str, int]:
    """Count what is trainable after freezing up to a block, and what can be taken for it."""
    channels = [3, *sum(filters, [])]
    kernels = [9 * one * other for one, other in itertools.pairwise(channels)]
    sizes = np.array(kernels) + channels[1:]
    blocks = np.repeat(range(1, 6), [len(block) for block in filters])
    later = blocks > block
    return {
        "right": int(sizes[later].sum()),
        "all": int(sizes.sum()),
        "frozen": int(sizes[~later].sum()),
        "kernels": int(np.array(kernels)[later].sum()),
        "arrays": 2 * int(later.sum()),
        "layers": int(later.sum()),
        "less": int(sizes[blocks >= block].sum()),
        "more": int(sizes[blocks > block + 1].sum()),
        "only": int(sizes[blocks != block].sum()),
        "block": int(sizes[blocks == block].sum()),
    }


def _require_count(answer: float, ways: dict[str, int], block: str) -> None:
    case = f"Frozen up to {block}: you gave {answer:,.10g}."
    match next((way for way, count in ways.items() if count == answer), None):
        case "right":
            return
        case "arrays" | "layers":
            raise Mistake("tensors-counted", case)
        case "less" | "more":
            raise Mistake("one-block-off", case)
        case "frozen":
            raise Mistake("frozen-part-counted", case)
        case "kernels":
            raise Mistake("biases-forgotten", case)
        case "all":
            raise Mistake(None, f"These are all its weights, including the frozen ones. {case}")
        case "only":
            raise Mistake(None, f"Only {block} is frozen; freeze the blocks before it, too. {case}")
        case "block":
            raise Mistake(None, f"These are the weights of {block} alone. {case}")
    detail = "Count trainable_weights after freezing, in the network that the function is given."
    raise Mistake(None, f"{case} {detail}")


@check(hidden_seeds=2)
def first_convolutions_frozen(function, rng) -> str:
    """Check ``function(model, n)``: training leaves the first n convolutions unchanged.

    The model was compiled and trained before. A right answer is the given network with its
    weights. In a step of training, kernels and biases of the first n convolutions stay exactly
    as they were; all others move as SGD at 0.1 moves them with the cross-entropy of integer
    labels. The pooling layer lies where counting layers fails.
    """
    for n, pool_after in counts_to_freeze(rng):
        weights = network_weights(rng)
        settings = {"weights": weights, "pool_after": pool_after}
        model = expect_model(ask(function, ModelSpec("trained_network", settings), n))
        given = [weights[i : i + 2] for i in range(0, len(weights), 2)]
        inputs = rng.normal(0, 0.4, (20, 16, 16, 3)).astype("float32")
        # The least probable class makes the steps long
        labels = network_outputs(inputs, given, pool_after).argmin(axis=1)
        before, first = predictions_of(model, inputs, 3), _layers(model)
        if not _same_layers(first, given):
            detail = "Its weights are not those that it came with: was it trained, or rebuilt?"
            raise Mistake(None, detail)
        loss = train_step(model, inputs, labels)
        after, last = predictions_of(model, inputs, 3), _layers(model)
        for found, layers in ((before, first), (after, last)):
            if not np.allclose(found, network_outputs(inputs, layers, pool_after), atol=0.02):
                raise Mistake(None, "The network is no longer the given one.")
        _require_still(model, _unchanged(first, last), n)
        require_loss(model, loss, before, labels)
        _require_step(first, last, before, labels)
    return "The first convolutions keep their weights exactly; all other layers learn."


def _layers(model) -> list[list[np.ndarray]]:
    return [weights_of(model, name) for name in NETWORK]


def _same_layers(one: list, other: list) -> bool:
    pairs = zip(sum(one, []), sum(other, []), strict=True)
    return all(a.shape == b.shape and np.allclose(a, b, atol=1e-6) for a, b in pairs)


def _unchanged(first: list, last: list) -> list[bool]:
    """Whether each layer has exactly the kernel and the bias that it had."""
    return [
        all(np.array_equal(a, b) for a, b in zip(*pair, strict=True))
        for pair in zip(first, last, strict=True)
    ]


def _require_still(model, still: list[bool], n: int) -> None:
    """Require the first n of four convolutions, and nothing else, to keep their weights."""
    if still == [i < n for i in range(5)]:
        return
    kept = ", ".join(name for name, is_still in zip(NETWORK, still, strict=True) if is_still)
    case = (
        f"Frozen should be the first {n}; what kept its weights in training: {kept or 'nothing'}."
    )
    flags = {layer["name"]: layer["trainable"] for layer in facts_of(model)["layers"]}
    if [not flags.get(name, True) for name in NETWORK] != still:
        raise Mistake("trainable-after-compile", case, score=1 / 3)
    if all(still):
        raise Mistake("everything-frozen", case)
    if not any(still) and n > 1:
        raise Mistake("backbone-not-frozen", case)
    if still == sorted(still, reverse=True) and abs(sum(still) - n) <= 2:
        raise Mistake("off-by-one", case, score=1 / 3)
    if still == sorted(still):
        raise Mistake("last-layers-frozen", case)
    raise Mistake(None, f"Other layers than the first {n} convolutions are frozen. {case}")


def _require_step(first: list, last: list, before: np.ndarray, labels, rate: float = 0.1) -> None:
    """Require the classifier's biases to move as in a step of SGD, computed in NumPy."""
    gradient = (before - np.eye(before.shape[1])[labels]).mean(axis=0)
    step = last[-1][1] - first[-1][1]
    if np.allclose(step, -rate * gradient, rtol=0.1, atol=0.002):
        return
    detail = "The right layers learn, but not as they do with"
    if np.corrcoef(step, -gradient)[0, 1] > 0.999:
        found = -step @ gradient / (gradient @ gradient)
        detail = f"They learn as if at a rate of {found:.2g}, not as with"
    raise Mistake(None, f"{detail} SGD at a rate of {rate:g}.", score=2 / 3)


@check(hidden_seeds=2)
def batch_norm_fine_tuning(function, rng) -> str:
    """Check ``function(backbone, classes, head_rate)``: a network ready to be fine-tuned.

    A right answer is average pooling and a softmax on the given backbone with its weights. In a
    step of training, the loss is the cross-entropy of integer labels, batch normalisation works
    and stays as in inference, and both convolutions and the classifier move by a tenth of
    `head_rate`, as Adam's first step moves weights by its rate, whatever their gradient.
    """
    head_rate, classes = int(rng.integers(30, 300)) / 10_000, int(rng.integers(3, 7))
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
    if not all(np.allclose(first[name], array, atol=1e-6) for name, array in given.items()):
        detail = "The backbone does not have the weights it came with: was it trained, or rebuilt?"
        raise Mistake(None, detail, score=1 / 3)
    pooled = [_normalised_forward(inputs, weights) for weights in (first, last)]
    heads = [{end: w[f"head/{end}"] for end in ("kernel", "bias")} for w in (first, last)]
    if not all(map(fits_codes, predictions, pooled, heads)):
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


def _require_rate(model, changes: dict[str, float], head_rate: float) -> None:
    """Require kernels and biases to move by a tenth of the head's rate."""
    head = max(changes["head/kernel"], changes["head/bias"])
    steps = {"the head": head, "conv1": changes["conv1/kernel"]}
    steps["conv2"] = max(changes["conv2/kernel"], changes["conv2/bias"])
    still = [name for name, step in steps.items() if not step]
    if "conv1" in still and "conv2" in still:
        raise Mistake("backbone-still-frozen", score=1 / 3)
    if still:
        detail = f"All convolutions and the head should learn; {still[0]} is frozen."
        raise Mistake(None, detail, score=1 / 3)
    if np.allclose(list(steps.values()), head_rate / 10, rtol=0.1, atol=0):
        return
    moved = ", ".join(f"{name} {step:.2g}" for name, step in steps.items())
    detail = f"The head's rate was {head_rate:g}; in one step the weights move by: {moved}."
    if np.allclose(list(steps.values()), head_rate, rtol=0.1, atol=0):
        raise Mistake("head-rate-for-backbone", detail, score=2 / 3)
    name = str(facts_of(model)["optimizer"])[:30]
    what = f"Use Adam at a tenth of it for all layers (your optimizer is {name})."
    raise Mistake(None, f"{what} {detail}", score=2 / 3)


@check("signs", hidden_seeds=1)
def fine_tuned_part(function, rng, signs, enough: float = ENOUGH_FOR_SIGNS) -> str:
    """Check ``function(second, features, labels)``: the last block, fine-tuned for ten signs.

    A right answer is a network that contains the last block, whose weights have moved in training,
    but not far from the pretrained ones, and that reads the signs of signers it has never seen. The
    class indices are drawn at random.
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
    accuracy = (answers.argmax(axis=1) == labels[hold]).mean()
    reached = f"It reaches an accuracy of {accuracy:.0%} on signers it has never seen."
    learned_nothing = accuracy < 0.3
    distance = 0.0 if learned_nothing else _distance_of_block(model, signs, reached)
    said = require_accuracy(answers, labels[hold], enough, chance=0.3)
    if distance > 0.5:
        detail = "The last block does not resemble the pretrained one: was it built anew?"
        raise Mistake(None, f"{detail} {reached}", score=0.25)
    return said


def _distance_of_block(model, signs: dict[str, np.ndarray], reached: str) -> float:
    """Return how far the last block's biases are from the pretrained ones, relative to these."""
    start = {name.removeprefix("start/"): signs[name] for name in signs if "start/" in name}
    moved = []
    for path, array in start.items():
        found = list(ask_model(model, "weights", path).values())
        if not found or np.shape(found[0]) != array.shape:
            detail = "The last block is not in this network: put the classifier on `second`."
            raise Mistake(None, f"{detail} {reached}", score=0.25)
        moved.append(np.linalg.norm(found[0] - array))
    if not any(moved):
        raise Mistake("backbone-still-frozen", reached, score=0.25)
    length = np.linalg.norm([np.linalg.norm(array) for array in start.values()])
    return float(np.linalg.norm(moved) / length)
