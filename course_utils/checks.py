"""Checks of the exercises: each asks a learner's function and says what it finds.

A check chooses inputs, asks the function, and compares with what must come out. What a network
does decides: its predictions and which of its weights move in training. What it says about
itself serves to name a mistake. See `course_utils.verdicts` for what all checks share.
"""

import math

import numpy as np

from course_utils.answers import LearnerError, ModelView, Recipe, ask
from course_utils.hand_in import hand_in
from course_utils.verdicts import MISCONCEPTIONS, Mistake, Verdict, check, points_so_far

__all__ = [
    "MISCONCEPTIONS",
    "Verdict",
    "batch_norm_fine_tuning",
    "classifier_size",
    "evaluation",
    "fine_tuned_part",
    "first_convolutions_frozen",
    "frozen_classifier",
    "hand_in",
    "head_sizes",
    "points_so_far",
    "report_on_test",
    "top_classes",
    "trainable_after_freezing",
    "trained_head",
    "vgg_preprocessing",
]

IMAGENET_MEAN = np.array([103.939, 116.779, 123.68])
"""Average colour of ImageNet, in the order blue, green, red."""

ENOUGH_FOR_PETS = 0.70
ENOUGH_FOR_SIGNS = 0.68
"""Accuracies that a sound training passes with a wide margin in both editions."""


# Lesson 1: a network as it is


@check()
def classifier_size(function, rng) -> str:
    """Check ``function(model)``: the number of weights of the last layer of a network."""
    for _ in range(2):
        features, classes = (int(number) for number in rng.integers(5, 60, 2))
        answer = _number(
            ask(function, Recipe("classifier", {"features": features, "classes": classes}))
        )
        convolution = (27 + 1) * features
        right = features * classes + classes
        case = f"{features} features and {classes} classes: you gave {answer:,.10g}."
        if answer == right - classes:
            raise Mistake("biases-forgotten", f"With {case}", score=0.5)
        if answer == right + convolution:
            raise Mistake("whole-model-counted", f"With {case} Look at model.layers[-1].")
        if answer != right:
            raise Mistake(None, f"The classifier has another number of weights. With {case}")
    return f"Each of {features} features is connected with each of {classes} classes, plus biases."


@check()
def vgg_preprocessing(function, rng) -> str:
    """Check ``function(pixels)``: VGG's preprocessing, which leaves its argument as it was."""
    pixels = rng.uniform(0, 255, (2, 5, 4, 3)).astype("float32")
    answer = _array(ask(function, Recipe("read_only", {"array": pixels})), pixels.shape)
    ways = _wrong_preprocessings(pixels)
    for way, values in ways.items():
        if np.allclose(answer, values, atol=0.01):
            raise Mistake("other-preprocessing", f"What came out: {way}.")
    if not np.allclose(answer, _vgg(pixels), atol=0.01):
        raise Mistake(
            None,
            f"The first pixel is {_rounded(pixels[0, 0, 0])} (red, green, blue); you gave "
            f"{_rounded(answer[0, 0, 0])}, it should be {_rounded(_vgg(pixels)[0, 0, 0])}.",
        )
    return "Blue, green, red, without the average colour; and the argument is as it was."


@check()
def top_classes(function, rng, top: int = 5) -> str:
    """Check ``function(probabilities, labels)``: pairs (label, probability), best first."""
    for classes in rng.integers(top + 2, 40, 2):
        labels = [f"kind {number}" for number in rng.permutation(100)[:classes]]
        probabilities = rng.dirichlet(np.ones(classes))
        answer = ask(function, probabilities, labels)
        order = np.argsort(probabilities)
        if not isinstance(answer, list) or any(
            not isinstance(pair, list) or len(pair) != 2 for pair in answer
        ):
            detail = "A list of pairs (label, probability) was asked for"
            raise Mistake(None, f"{detail}; you gave {_kind(answer)}.")
        if any(isinstance(pair[1], str) for pair in answer):
            raise Mistake(None, "In each pair the label comes first, then its probability.")
        if len(answer) != top:
            raise Mistake(None, f"{top} pairs were asked for; you gave {len(answer)}.")
        _compare_top([pair[0] for pair in answer], order, labels, top)
        given = _array([pair[1] for pair in answer], (top,))
        if not np.allclose(given, probabilities[order[::-1][:top]], atol=1e-6):
            detail = "Give them as they are, neither rounded nor in per cent."
            detail = f"The labels are right, their probabilities are not. {detail}"
            raise Mistake(None, detail, score=0.5)
    return "The most probable classes, the most probable first."


def _compare_top(given: list, order: np.ndarray, labels: list[str], top: int) -> None:
    best = [labels[i] for i in order[::-1][:top]]
    if given == best:
        return
    if given == list(order[::-1][:top]):
        raise Mistake("numbers-for-labels", score=0.5)
    least = [labels[i] for i in order[:top]]
    if given in (least, least[::-1], best[::-1]):
        raise Mistake("least-probable-first", "Turn it round: [::-1].")
    raise Mistake("not-sorted", f"The first should be {best[0]!r}; you gave {given[0]!r:.60}.")


@check()
def evaluation(function, rng) -> str:
    """Check ``function(model, pixels, labels)``: (right answers, pictures), preprocessed."""
    settings, pixels, labels, counts = _colour_task(rng)
    answer = ask(function, Recipe("linear", {**settings, "pooled": False}), pixels, labels)
    total, right = len(labels), counts["right"]
    if isinstance(answer, int | float):
        share = np.isclose(_number(answer), right / total)
        detail = f"You gave {answer:.6g}. Return (correct, total)."
        raise Mistake("accuracy-without-number", detail, score=0.25 if share else 0.0)
    correct, given_total = map(_counted, _pair(answer))
    if [correct, given_total] == [total, right]:
        raise Mistake(None, "The pair is turned round: (correct, total) was asked for.", score=0.5)
    if given_total != total:
        raise Mistake(None, f"There were {total} pictures; you gave {given_total:g}.")
    if correct == right:
        return f"{right} of {total}, with the preprocessing of the training."
    if np.isclose(correct, right / total, atol=1e-4):
        detail = f"{correct:.6g} is the share of right answers; their number was asked for."
        raise Mistake(None, detail, score=0.5)
    for way, count in counts.items():
        if correct == count:
            detail = f"{count} of {total} is what comes out with {way}; it should be {right}."
            raise Mistake("other-preprocessing", detail)
    raise Mistake(None, f"{right} of {total} are right; you gave {correct:g}.")


def _counted(number: float) -> float:
    """Undo the rounding of a count that was computed as a share times the total."""
    return round(number) if abs(number - round(number)) < 0.001 else number


def _colour_task(rng):
    """Make pictures and a network that tells their colours, so that preprocessing matters."""
    total = int(rng.integers(50, 80))
    tint = rng.uniform(0, 255, (total, 1, 1, 3))
    pixels = np.clip(tint + rng.normal(0, 30, (total, 8, 8, 3)), 0, 255).astype("uint8")
    ways = {"right": _vgg(pixels), **_wrong_preprocessings(pixels)}
    while True:
        settings = {"kernel": rng.normal(0, 0.02, (3, 5)), "bias": rng.normal(0, 0.1, 5)}
        answers = {way: _linear_scores(x.mean(axis=(1, 2)), settings) for way, x in ways.items()}
        labels = answers["right"].argmax(axis=1)
        labels = np.where(rng.random(total) < 0.2, rng.integers(0, 5, total), labels)
        counts = {way: int((rows.argmax(axis=1) == labels).sum()) for way, rows in answers.items()}
        if len(set(counts.values())) == len(counts):
            return settings, pixels, labels, counts


def _vgg(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., ::-1].astype("float64") - IMAGENET_MEAN


def _wrong_preprocessings(pixels: np.ndarray) -> dict[str, np.ndarray]:
    pixels = pixels.astype("float64")
    return {
        "no preprocessing": pixels,
        "red and blue not swapped": pixels - IMAGENET_MEAN[::-1],
        "the average of blue taken from red": pixels - IMAGENET_MEAN,
        "the average left in": pixels[..., ::-1],
        "values divided by 255": pixels / 255,
        "values from -1 to 1, as MobileNet wants them": pixels / 127.5 - 1,
        "the preprocessing done twice": _vgg(_vgg(pixels)),
    }


# Lesson 3: a frozen network and a new classifier


@check()
def head_sizes(function, rng) -> str:
    """Check ``function(maps, classes)``: weights of Flatten + Dense and of pooling + Dense."""
    for _ in range(2):
        height, width, channels, classes = (int(number) for number in rng.integers(3, 60, 4))
        answer = _pair(ask(function, [height, width, channels], classes))
        case = f"Maps of {height} x {width} x {channels}, {classes} classes: you gave {answer}."
        _compare_sizes(
            answer, height * width * channels * classes, channels * classes, classes, case
        )
    return "Average pooling saves all the weights that Flatten spends on places in the picture."


def _compare_sizes(answer: list, flat: int, pooled: int, biases: int, case: str) -> None:
    right = [flat + biases, pooled + biases]
    if answer == right:
        return
    if answer in ([flat, pooled], [flat + 1, pooled + 1]):
        raise Mistake("biases-forgotten", case, score=0.5)
    if answer == right[::-1]:
        raise Mistake("heads-swapped", case, score=0.5)
    if answer[1] == right[1]:
        raise Mistake(None, f"The head with pooling is right, the other not. {case}", score=0.5)
    if answer[0] == right[0]:
        detail = "Average pooling leaves one number per channel, whatever the height and width."
        case = f"The head with Flatten is right, the other not. {detail} {case}"
        raise Mistake(None, case, score=0.5)
    raise Mistake(None, f"How many numbers arrive at the Dense layer? {case}")


@check("pets")
def frozen_classifier(function, rng, pets, classes: int = 2) -> str:
    """Check ``function(backbone)``: frozen, average pooling, one softmax layer, compiled.

    The loss has to take one-hot labels. After some steps of training, the predictions must be
    those of the new head on the codes of the untouched backbone.
    """
    rows = rng.permutation(len(pets["inputs"]))[:12]
    inputs, codes = pets["inputs"][rows], pets["input_codes"][rows]
    targets = np.eye(classes, dtype="float32")[rng.integers(0, classes, len(rows))]
    model = _model(ask(function, Recipe("backbone")))
    before = _probabilities(model, inputs, classes)
    name = _new_head(model, codes.shape[1], classes)
    first = _head(model, name)
    fits = _fits_codes(before, codes, first)
    loss = _train(model, inputs, targets)
    _compare_all(
        lambda: _compare_loss(model, loss, before, targets),
        lambda: _compare_moved(model, name, lambda: _train(model, inputs, targets)),
        lambda: _compare_fit(fits),
    )
    after, last = _predictions(model, inputs, classes), _head(model, name)
    if not _fits_codes(after, codes, last):
        raise Mistake("backbone-not-frozen", "After training, its features are others.", 1 / 3)
    _compare_learning(first, last, codes, targets, [before, after])
    return "Only the head learns, on one number per channel, and the loss fits the softmax."


def _new_head(model, channels: int, classes: int) -> str:
    """Return the name of the one dense layer, or say what else the head is made of."""
    facts = _facts(model)
    dense = [str(layer["name"]) for layer in facts["layers"] if layer["kind"] == "Dense"]
    if len(dense) != 1:
        raise Mistake(
            None, f"The head should have one Dense layer after the pooling; it has {len(dense)}."
        )
    rows = _kernel(model, dense[0]).shape[0]
    if rows != channels:
        raise Mistake(
            "flatten-for-pooling" if rows % channels == 0 else None,
            f"The Dense layer has {rows:,} inputs; the backbone has {channels:,} channels. "
            "Use GlobalAveragePooling2D.",
            score=1 / 3,
        )
    if not facts["compiled"]:
        raise Mistake(None, "The model is not compiled.", score=1 / 3)
    return dense[0]


_OTHER_FEATURES = (
    "The predictions are not those of a softmax layer on the averages of the pretrained feature "
    "maps. Is it average pooling, on the backbone that was given, without more preprocessing?"
)


def _compare_fit(fits: bool) -> None:
    if not fits:
        raise Mistake(None, _OTHER_FEATURES, score=1 / 3)


def _fits_codes(probabilities, codes, head: dict) -> bool:
    """Whether these are the probabilities that a head gives for the codes."""
    return np.allclose(probabilities, _softmax(_linear_scores(codes, head)), atol=0.01)


def _compare_loss(model, loss: float, before: np.ndarray, targets: np.ndarray) -> None:
    """Compare the loss of a step with the cross-entropy of the probabilities before it."""
    _compare_logits(model)
    if any("Dropout" in str(layer["kind"]) for layer in _facts(model)["layers"]):
        detail = "There is dropout. Only average pooling and one Dense layer were asked for."
        raise Mistake(None, detail, score=2 / 3)
    one_hot = targets if np.ndim(targets) == 2 else np.eye(before.shape[1])[targets]
    expected = _cross_entropy(before, one_hot)
    if not np.isclose(loss, expected, rtol=0.02, atol=0.01):
        detail = f"The first loss is {loss:.3f}; for these probabilities it should be"
        name = str(_facts(model)["loss"])[:60]
        raise Mistake(None, f"{detail} {expected:.3f}. The loss is {name}.", score=2 / 3)


def _compare_learning(first: dict, last: dict, codes, targets, predictions: list) -> None:
    """Compare the way a head went with the gradient of the loss on these codes."""
    if max(np.ptp(rows, axis=0).max() for rows in predictions) < 0.03:
        raise Mistake(None, "The predictions are the same for all pictures.", score=1 / 3)
    errors = _softmax(_linear_scores(codes, first)) - targets
    way = last["kernel"] - first["kernel"]
    if not np.sum(way * (codes.T @ errors)) < 0:
        raise Mistake("everything-frozen", score=1 / 3)


def _compare_moved(model, name: str, train) -> None:
    """Train, and find out which weights move: all of the head, none of the backbone."""
    before = _ask_model(model, "digests")
    for _ in range(3):
        train()
    after = _ask_model(model, "digests")
    moved = [path for path in before if before[path] != after.get(path)]
    if not any(f"{name}/" in path for path in moved):
        raise Mistake("everything-frozen", score=1 / 3)
    others = [path for path in moved if f"{name}/" not in path]
    if not others:
        return
    facts = _facts(model)
    head = sum(layer["parameters"] for layer in facts["layers"] if layer["name"] == name)
    count = facts["trainable_parameters"] - head
    if count > 0:
        detail = f"It still has {count:,} trainable parameters: set trainable before compiling."
        raise Mistake("backbone-not-frozen", detail, score=1 / 3)
    raise Mistake("trainable-after-compile", f"For example {others[0][:60]}.", score=1 / 3)


@check("pets")
def trained_head(function, rng, pets, enough: float = ENOUGH_FOR_PETS) -> str:
    """Check ``function(codes, labels)``: a trained network, judged on codes it never saw.

    The order of the channels and the numbers of the two classes are drawn anew.
    """
    rows, channels = rng.permutation(len(pets["codes"])), rng.permutation(pets["codes"].shape[1])
    codes = np.ascontiguousarray(pets["codes"][:, channels])
    labels = (pets["labels"] + rng.integers(2)) % 2
    learn, hold = rows[:300], rows[300:550]
    model = _model(ask(function, codes[learn], labels[learn]))
    answers = _probabilities(model, codes[hold], 2)
    return _compare_all(
        lambda: _compare_logits(model),
        lambda: _accuracy_verdict(answers, labels[hold], enough, chance=0.5),
    )


def _compare_logits(model) -> None:
    if not _facts(model)["from_logits"]:
        return
    detail = (
        "Here the outputs are probabilities, and the loss says from_logits=True. Keras notices "
        "it for this layer and warns; elsewhere the network would learn badly, without a word."
    )
    raise Mistake("softmax-and-loss", detail, score=2 / 3)


def _accuracy_verdict(answers, labels, enough: float, chance: float) -> str:
    correct, total = int((answers.argmax(axis=1) == labels).sum()), len(labels)
    found = f"{correct} of {total} pictures that it never saw ({correct / total:.0%})"
    if correct / total >= enough:
        return f"Your network is right on {found}."
    middle = chance + 0.75 * (enough - chance)
    detail = f"Your network is right on {found}; {enough:.0%} is well within reach."
    hint = "Does the loss fall during training? Try more epochs, or another learning rate."
    guess = 1 / answers.shape[1]
    by_luck = 3 * math.sqrt(guess * (1 - guess) / total)
    if correct / total < guess - by_luck:
        hint = "That is worse than guessing: is it trained, with the labels in the pictures' order?"
    elif correct / total < guess + by_luck:
        hint = (
            "That is guessing: does the network train at all? Where the loss jumps about, the "
            "learning rate is too large."
        )
    raise Mistake(None, f"{detail} {hint}", score=0.5 if correct / total >= middle else 0.0)


@check()
def report_on_test(function, rng) -> str:
    """Check ``function(model, parts)``: (accuracy, number of images) of the test part."""
    settings = {"kernel": rng.normal(0, 1, (8, 3)), "bias": rng.normal(0, 0.1, 3)}
    parts, truth = {}, {}
    for part, total, least, most in (
        ("train", 60, 1, 1),
        ("valid", 45, 0.86, 0.94),
        ("test", 40, 0.6, 0.8),
    ):
        total, share = total + int(rng.integers(0, 10)), rng.uniform(least, most)
        codes = rng.normal(0, 1, (total, 8)).astype("float32")
        labels = _linear_scores(codes, settings).argmax(axis=1)
        wrong = rng.permutation(total)[: round((1 - share) * total)]
        labels[wrong] = (labels[wrong] + 1) % 3
        parts[part], truth[part] = [codes, labels], ((total - len(wrong)) / total, total)
    answer = ask(function, Recipe("linear", settings), parts)
    _compare_report(answer, truth)
    return f"{truth['test'][0]:.3f} on {truth['test'][1]} images that took no part in the training."


def _compare_report(answer, truth: dict[str, tuple[float, int]]) -> None:
    if isinstance(answer, dict) and {"correct", "total"} <= set(answer):  # an accuracy_report
        answer = [answer["correct"] / max(answer["total"], 1), answer["total"]]
    alone = isinstance(answer, int | float)
    accuracy, number = (answer, None) if alone else _pair(answer)
    for part, misconception in (
        ("train", "evaluated-on-training"),
        ("valid", "evaluated-on-validation"),
    ):
        if np.isclose(accuracy, truth[part][0], atol=1e-4):
            raise Mistake(misconception, f"You gave {accuracy:.3f}.")
    right, total = truth["test"]
    if np.isclose(accuracy, right * total):
        raise Mistake(None, f"{accuracy:g} is the number of right answers, not their share.")
    if np.isclose(accuracy, 100 * right, atol=0.1):
        raise Mistake(None, f"{accuracy:g} is per cent; give the share, {right:.3f}.", score=0.5)
    if accuracy == total and number is not None and np.isclose(number, right, atol=1e-4):
        raise Mistake(None, "The accuracy comes first, then the number of images.", score=0.5)
    if not np.isclose(accuracy, right, atol=1e-4):
        raise Mistake(None, f"The accuracy on the test part is {right:.3f}; you gave {accuracy:g}.")
    if alone:
        raise Mistake("accuracy-without-number", "Return (accuracy, number).", score=0.5)
    if number != total:
        raise Mistake(None, f"The accuracy is right. There are {total} test images.", score=0.5)


# Lesson 5: fine-tuning


@check("backbone")
def trainable_after_freezing(function, rng, backbone) -> str:
    """Check ``function(backbone, block)``: trainable weights after freezing up to the block."""
    right, arrays = backbone["trainable"], backbone["arrays"]
    total = int(backbone["total"])
    numbers = [4, int(rng.integers(2, 4))]
    for number in numbers:
        answer = _number(ask(function, Recipe("backbone"), f"block{number}"))
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
            raise Mistake(None, f"These are all its weights, the frozen ones too. {case}")
        raise Mistake(None, f"{case} Count what is in trainable_weights after freezing.")
    return f"{right[4]:,} of {total:,} weights are left to train after block4."


@check()
def first_convolutions_frozen(function, rng) -> str:
    """Check ``function(model, n)``: the first n convolutions stay as they are in training.

    The model was compiled and trained before; the function returns it ready for training with
    class numbers as labels.
    """
    for n in rng.permutation([1, 2, 3])[:2]:
        weights = _network_weights(rng)
        model = _model(ask(function, Recipe("trained_network", {"weights": weights}), int(n)))
        inputs = rng.normal(0, 0.4, (20, 16, 16, 3)).astype("float32")
        labels = rng.integers(0, 3, len(inputs))
        _train(model, inputs, labels)
        before = [weights[i : i + 2] for i in range(0, len(weights), 2)]
        after = [_weights_of(model, name) for name in _NETWORK]
        predictions = _predictions(model, inputs, 3)
        differ = np.ptp(predictions, axis=0).max() > 0.001
        if not differ or not np.allclose(predictions, _forward(inputs, after), atol=0.02):
            raise Mistake(None, "The network is no longer the one that was given.")
        still = [
            all(np.array_equal(a, b) for a, b in zip(*pair, strict=True))
            for pair in zip(before, after, strict=True)
        ]
        _compare_still(model, still, int(n))
        _compare_step(before, after, inputs, labels)
    return "The first convolutions keep their weights to the last digit; all others learn."


_NETWORK = ("conv1", "conv2", "conv3", "conv4", "predictions")


def _network_weights(rng) -> list[np.ndarray]:
    weights, channels = [], 3
    for filters in rng.integers(4, 9, 4):
        kernel = rng.normal(0, np.sqrt(2 / (9 * channels)), (3, 3, channels, filters))
        weights += [kernel, rng.normal(0, 0.1, filters)]
        channels = filters
    weights += [rng.normal(0, 0.5, (channels, 3)), np.zeros(3)]
    return [np.asarray(array, "float32") for array in weights]


def _convolution(maps: np.ndarray, kernel: np.ndarray, bias=0.0) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(maps, (3, 3), axis=(1, 2))
    return np.einsum("nhwcij,ijco->nhwo", windows, kernel, optimize=True) + bias


def _forward(inputs: np.ndarray, weights: list) -> np.ndarray:
    """Compute in NumPy what ``trained_network`` of `course_utils.answers` computes."""
    maps = inputs
    for i, (kernel, bias) in enumerate(weights[:-1], start=1):
        maps = np.maximum(_convolution(maps, kernel, bias), 0)
        if i == 2:
            n, height, width, channels = maps.shape
            maps = maps.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
    kernel, bias = weights[-1]
    return _softmax(maps.mean(axis=(1, 2)) @ kernel + bias)


def _compare_still(model, still: list[bool], n: int) -> None:
    """Compare which of the four convolutions and the classifier kept their weights."""
    if still == [i < n for i in range(5)]:
        return
    kept = ", ".join(name for name, is_still in zip(_NETWORK, still, strict=True) if is_still)
    case = f"Asked for the first {n}; what kept its weights in training: {kept or 'nothing'}."
    flags = {layer["name"]: layer["trainable"] for layer in _facts(model)["layers"]}
    if [not flags.get(name, True) for name in _NETWORK] != still:
        raise Mistake("trainable-after-compile", case, score=1 / 3)
    if all(still):
        raise Mistake("everything-frozen", case)
    if not any(still) and n > 1:
        raise Mistake("backbone-not-frozen", case)
    if still == sorted(still, reverse=True) and abs(sum(still) - n) <= 2:
        raise Mistake("off-by-one", case, score=1 / 3)
    raise Mistake(None, f"Other layers than the first {n} convolutions are frozen. {case}")


def _compare_step(before: list, after: list, inputs, labels, rate: float = 0.1) -> None:
    """Compare the way of the classifier's biases with a step of SGD, in NumPy."""
    probabilities = _forward(inputs, before)
    gradient = (probabilities - np.eye(probabilities.shape[1])[labels]).mean(axis=0)
    way = after[-1][1] - before[-1][1]
    if not np.allclose(way, -rate * gradient, rtol=0.1, atol=0.002):
        detail = "The right layers learn, but not as with the cross-entropy and SGD at a rate of"
        raise Mistake(None, f"{detail} {rate:g}.", score=2 / 3)


@check()
def batch_norm_fine_tuning(function, rng, classes: int = 4) -> str:
    """Check ``function(backbone, classes, head_rate)``: a network ready to be fine-tuned.

    Adam at a tenth of `head_rate`, batch normalisation in inference mode, convolutions
    trainable, class numbers as labels.
    """
    head_rate = float(rng.choice([0.02, 0.008, 0.004]))
    given = _normalised_weights(rng)
    backbone = Recipe("normalised_backbone", {"weights": list(given.values())})
    model = _model(ask(function, backbone, classes, head_rate))
    inputs = rng.normal(0, 1, (24, 16, 16, 3)).astype("float32")
    labels = rng.integers(0, classes, len(inputs))
    before, first = _probabilities(model, inputs, classes), _by_ending(model, given)
    loss = _train(model, inputs, labels)
    after, last = _predictions(model, inputs, classes), _by_ending(model, given)
    changes = {name: float(np.abs(last[name] - first[name]).max()) for name in first}
    if any(change for name, change in changes.items() if "moving" in name):
        raise Mistake("batch-norm-training", _INFERENCE_MODE, score=1 / 3)
    _compare_all(
        lambda: _compare_loss(model, loss, before, labels),
        lambda: _compare_normalised(given, first, last, inputs, labels, [before, after]),
    )
    if not any(change for name, change in changes.items() if "conv" in name):
        raise Mistake("backbone-still-frozen", score=1 / 3)
    _compare_rate(model, changes, head_rate)
    return f"The convolutions learn at {head_rate / 10:g}, and batch normalisation stays as it is."


def _normalised_weights(rng) -> dict[str, np.ndarray]:
    """Return the weights of ``normalised_backbone``; its pretraining had another mean."""
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
    """Return the model's weights by the names they had in the backbone, the head's besides."""
    names = (*given, "head/kernel", "head/bias")
    dense = [layer["name"] for layer in _facts(model)["layers"] if layer["kind"] == "Dense"]
    if len(dense) != 1:
        raise Mistake(None, f"The head should have one Dense layer; it has {len(dense)}.")
    paths = {str(path): array for path, array in _ask_model(model, "weights").items()}
    found = {}
    for name in names:
        ending = name.replace("head/", f"{dense[0]}/")
        array = [array for path, array in paths.items() if path.endswith(ending)]
        if len(array) != 1:
            raise Mistake(None, f"The weights {ending[:60]} are missing: was the backbone used?")
        found[name] = np.asarray(array[0], "float64")
    return found


def _compare_normalised(given, first, last, inputs, labels, predictions: list) -> None:
    """Compare predictions before and after the step with those of the weights, in NumPy."""
    if first["head/kernel"].shape[0] != len(given["conv2/bias"]):
        raise Mistake("flatten-for-pooling", "Use GlobalAveragePooling2D.", score=1 / 3)
    same = all(np.allclose(first[name], array, atol=1e-6) for name, array in given.items())
    pooled = [_normalised_forward(inputs, weights) for weights in (first, last)]
    heads = [{end: w[f"head/{end}"] for end in ("kernel", "bias")} for w in (first, last)]
    fits = map(_fits_codes, predictions, pooled, heads)
    if not (same and all(fits)):
        raise Mistake(
            None,
            "The network is not average pooling and a softmax layer on the backbone that was "
            "given, with batch normalisation in inference mode.",
            score=1 / 3,
        )
    targets = np.eye(predictions[0].shape[1])[labels]
    _compare_learning(*heads, pooled[0], targets, predictions)


def _normalised_forward(inputs: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Compute what ``normalised_backbone`` computes, in inference mode, averaged over the maps."""
    maps = _convolution(inputs, weights["conv1/kernel"]) - weights["bn1/moving_mean"]
    scale = weights["bn1/gamma"] / np.sqrt(weights["bn1/moving_variance"] + 1e-3)
    maps = np.maximum(maps * scale + weights["bn1/beta"], 0)
    maps = _convolution(maps, weights["conv2/kernel"], weights["conv2/bias"])
    return maps.mean(axis=(1, 2))


_INFERENCE_MODE = (
    "Its moving averages change in training. Freeze its layers, or use add_classifier; "
    "training=False in the call does not last through fit."
)


def _compare_rate(model, changes: dict, head_rate: float) -> None:
    # Adam's first step moves every weight by the learning rate, whatever its gradient is.
    step = max(changes.values())
    name = str(_facts(model)["optimizer"])[:30]
    if np.isclose(step, head_rate / 10, rtol=0.1):
        return
    detail = f"The head's rate was {head_rate:g}; the weights move by up to {step:.2g} a step."
    if np.isclose(step, head_rate, rtol=0.1):
        raise Mistake("head-rate-for-backbone", detail, score=2 / 3)
    raise Mistake(None, f"A tenth of it, with Adam, was asked for ({name}). {detail}", score=2 / 3)


@check("signs")
def fine_tuned_part(function, rng, signs, enough: float = ENOUGH_FOR_SIGNS) -> str:
    """Check ``function(second, features, labels)``: the last block, fine-tuned for ten signs.

    It is judged on signers of whom it saw no picture. The numbers of the classes are drawn anew.
    """
    names = rng.permutation(10)
    labels = names[signs["labels"]]
    signers = rng.permutation(np.unique(signs["signers"]))
    held_back = np.isin(signs["signers"], signers[: len(signers) // 3])
    learn = rng.permutation(np.flatnonzero(~held_back))[:400]
    hold = rng.permutation(np.flatnonzero(held_back))[:200]
    second = Recipe("second_part", {"block": "block4"})
    model = _model(ask(function, second, signs["features"][learn], labels[learn]))
    answers = _probabilities(model, signs["features"][hold], 10)
    _compare_logits(model)
    facts = _facts(model)
    head = sum(layer["parameters"] for layer in facts["layers"] if layer["kind"] == "Dense")
    if facts["trainable_parameters"] <= head:
        right = (answers.argmax(axis=1) == labels[hold]).mean()
        detail = f"It is right on {right:.0%} of signs by people it never saw."
        raise Mistake("backbone-still-frozen", detail, score=0.25)
    return _accuracy_verdict(answers, labels[hold], enough, chance=0.4)


# What the checks share


def _compare_all(*comparisons):
    """Make all comparisons; name the first mistake, and give the points of the worst.

    Returns what the last comparison returns.
    """
    mistakes, said = [], None
    for compare in comparisons:
        try:
            said = compare()
        except Mistake as mistake:
            mistakes.append(mistake)
    if mistakes:
        mistakes[0].score = min(mistake.score for mistake in mistakes)
        raise mistakes[0]
    return said


def _number(answer) -> int | float:
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        raise Mistake(None, f"One number was asked for; you gave {_kind(answer)}.")
    if not np.isfinite(answer):
        raise Mistake(None, f"A finite number was asked for; you gave {answer}.")
    return answer


def _pair(answer) -> list:
    if isinstance(answer, np.ndarray) and answer.shape == (2,):
        answer = answer.tolist()
    if not isinstance(answer, list) or len(answer) != 2:
        raise Mistake(None, f"Two numbers were asked for; you gave {_kind(answer)}.")
    return [_number(number) for number in answer]


def _array(answer, shape: tuple) -> np.ndarray:
    if answer is None:
        raise Mistake(None, f"An array was asked for; you gave {_kind(answer)}.")
    array = np.asarray(answer, dtype="float64")
    if array.shape != shape:
        raise Mistake(None, f"The shape should be {shape}; yours is {array.shape}.")
    if not np.isfinite(array).all():
        raise Mistake(None, "Some of the numbers are infinite or no numbers at all.")
    return array


def _kind(answer) -> str:
    if answer is None:
        return "None (is the return missing?)"
    if isinstance(answer, list):
        return f"{len(answer)} values"
    return getattr(answer, "kind", type(answer).__name__)


def _model(answer):
    """Return a model of the learner's, here or in another process."""
    if not hasattr(answer, "train_step"):
        raise Mistake(None, f"The function should return a Keras model; it gave {_kind(answer)}.")
    return answer


def _ask_model(model, question: str, *arguments):
    if not isinstance(model, ModelView):
        return getattr(model, question)(*arguments)
    try:
        return getattr(model, question)(*arguments)
    except Exception as error:  # whatever Keras raises for a model that cannot do this
        raise LearnerError(type(error).__name__, str(error)) from error


def _facts(model) -> dict:
    return _ask_model(model, "facts")


def _train(model, inputs, targets) -> float:
    loss = _ask_model(model, "train_step", inputs, targets)
    if not isinstance(loss, int | float) or not np.isfinite(loss):
        raise Mistake(None, f"The training gives no finite loss but {loss!r:.40}.")
    return float(loss)


def _predictions(model, inputs, classes: int) -> np.ndarray:
    answer = _ask_model(model, "predict", inputs)
    if np.shape(answer) == (len(inputs), 1):
        detail = "The network has one output. One for each class was asked for."
        raise Mistake(None, detail)
    return _array(answer, (len(inputs), classes))


def _probabilities(model, inputs, classes: int) -> np.ndarray:
    """Ask for predictions, which must be probabilities."""
    answer = _predictions(model, inputs, classes)
    if not np.allclose(answer.sum(axis=1), 1, atol=1e-3) or answer.min() < -1e-6:
        detail = "The outputs are no probabilities: the last layer needs activation='softmax'."
        raise Mistake("softmax-and-loss", detail, score=1 / 3)
    return answer


def _weights_of(model, name: str) -> list[np.ndarray]:
    """Return kernel and bias of one layer."""
    found = _ask_model(model, "weights", f"{name}/")
    ends = {str(path).rsplit("/", 1)[-1]: array for path, array in found.items()}
    if not {"kernel", "bias"} <= set(ends):
        raise Mistake(None, f"The layer {name[:60]!r} with its kernel and bias is missing.")
    return [np.asarray(ends["kernel"], "float64"), np.asarray(ends["bias"], "float64")]


def _kernel(model, name: str) -> np.ndarray:
    return _weights_of(model, name)[0]


def _head(model, name: str) -> dict[str, np.ndarray]:
    return dict(zip(("kernel", "bias"), _weights_of(model, name), strict=True))


def _linear_scores(codes: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    return codes @ weights["kernel"] + weights["bias"]


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _cross_entropy(probabilities: np.ndarray, targets: np.ndarray) -> float:
    chosen = (probabilities * targets).sum(axis=1)
    return float(-np.log(np.clip(chosen, 1e-7, 1)).mean())


def _rounded(numbers: np.ndarray) -> str:
    return str([round(float(number), 1) for number in numbers])
