"""What the input size costs and gives in the photo edition, with a frozen backbone.

    COURSE_EDITION=photo python -m benchmarks.input_sizes

A logistic regression learns from average-pooled features, as in lesson 4: dogs and cats in the
book's split, signs by people who are not among those it learned from.
"""

import os

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import measure
from course_utils import (
    accuracy_report,
    current_edition,
    extract_features,
    load_backbone,
    load_signer_split,
    load_split,
    paths_to_tensor,
)
from course_utils.editions import INPUT_SIZES

TIMED = 32
"""Images whose way through the network is timed."""


def accuracy(backbone, train, test) -> str:
    """Train a probe on one split; return its accuracy on the other, with the interval."""
    codes = [
        extract_features(backbone, part, progress=False).mean(axis=(1, 2)) for part in (train, test)
    ]
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    probe.fit(codes[0], train.labels)
    return str(accuracy_report(test.labels, probe.predict(codes[1])))


def milliseconds(backbone, split) -> float:
    """Return the time of an image in the network, from decoded pixels to features."""
    images = paths_to_tensor(split.paths[:TIMED], size=backbone.input_size, progress=False)
    prepared = backbone.preprocess(images)
    backbone.model.predict_on_batch(prepared)  # the first call compiles
    fastest = min(
        measure.seconds(lambda: backbone.model.predict_on_batch(prepared)) for _ in range(5)
    )
    return 1000 * fastest / len(images)


def main() -> None:
    """Print the table."""
    if current_edition().name != "photo":
        raise SystemExit("The pocket edition has one input size. Set COURSE_EDITION=photo.")
    pets = [load_split("dogs_vs_cats", part) for part in ("train", "test")]
    signs_train, _, signs_test = load_signer_split(seed=0)
    rows = []
    for size in INPUT_SIZES:
        os.environ["COURSE_INPUT_SIZE"] = size
        backbone = load_backbone()
        measure.announce(f"{size} pixels")
        accuracies = [accuracy(backbone, *pets), accuracy(backbone, signs_train, signs_test)]
        rows.append([size, *accuracies, f"{milliseconds(backbone, pets[1]):.1f}"])
    print(load_backbone().name)
    print(measure.table(["pixels", "dogs and cats", "signs, new people", "ms an image"], rows))


if __name__ == "__main__":
    main()
