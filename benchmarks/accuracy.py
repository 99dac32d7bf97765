"""Accuracy of the two projects in the current edition, over several seeds.

    COURSE_EDITION=photo python -m benchmarks.accuracy

Training is that of lessons 3 and 5, with frozen layers computed once.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from course_utils import (
    accuracy_report,
    add_classifier,
    current_edition,
    extract_features,
    load_backbone,
    load_signer_split,
    load_split,
    split_at,
)

import keras  # after course_utils, which silences TensorFlow's start  # isort: skip

SPLITS = ("train", "valid", "test")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many (default: %(default)s)")
    seeds = range(parser.parse_args().seeds)
    print(current_edition())
    book_signs = [load_split("sign_language_digits", split) for split in SPLITS]
    rows = {
        "dogs vs cats, frozen": lambda seed: dogs_vs_cats(seed),
        "signs, frozen": lambda seed: signs(book_signs, seed, fine_tune=False),
        "signs, block 5 fine-tuned": lambda seed: signs(book_signs, seed),
        "signs, fine-tuned, signer-disjoint": lambda seed: signs(load_signer_split(seed), seed),
    }
    for title, run in rows.items():
        reports = [run(seed) for seed in seeds]
        mean = np.mean([report.accuracy for report in reports])
        print(f"{title}: mean {mean:.4f}; {'; '.join(str(report) for report in reports)}")


def dogs_vs_cats(seed: int):
    """Test accuracy of lesson 3's head on the features of the frozen backbone."""
    keras.utils.set_random_seed(seed)
    parts = [load_split("dogs_vs_cats", split) for split in SPLITS]
    backbone = load_backbone()
    head = keras.Sequential(
        [
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    features = [extract_features(backbone, part, progress=False) for part in parts]
    return fit_and_test(head, features, parts, rate=1e-4, epochs=20, batch_size=30)


def signs(parts, seed: int, fine_tune: bool = True):
    """Test accuracy of lesson 5: block 5 trained further, or a classifier on frozen features."""
    keras.utils.set_random_seed(seed)
    backbone = load_backbone()
    if fine_tune:
        model = add_classifier(split_at(backbone, "block4")[1], 10)
    else:
        pooling = keras.layers.GlobalAveragePooling2D()
        model = keras.Sequential([pooling, keras.layers.Dense(10, activation="softmax")])
    upto = "block4" if fine_tune else None
    features = [extract_features(backbone, part, upto=upto, progress=False) for part in parts]
    rate, epochs = (1e-4, 12) if fine_tune else (1e-3, 15)
    return fit_and_test(model, features, parts, rate=rate, epochs=epochs, batch_size=32)


def fit_and_test(model, features, parts, rate: float, epochs: int, batch_size: int):
    """Train, keep the epoch with the lowest validation loss, and report the test accuracy."""
    loss = keras.losses.SparseCategoricalCrossentropy()
    model.compile(keras.optimizers.Adam(rate), loss=loss, metrics=["accuracy"])
    train, valid, test = zip(features, (part.labels for part in parts), strict=True)
    with tempfile.TemporaryDirectory() as folder:
        best = Path(folder) / "best.keras"
        keep = keras.callbacks.ModelCheckpoint(best, monitor="val_loss", save_best_only=True)
        settings = {"epochs": epochs, "batch_size": batch_size, "verbose": 0, "callbacks": [keep]}
        model.fit(*train, validation_data=valid, **settings)
        predicted = keras.models.load_model(best).predict(test[0], verbose=0)
    return accuracy_report(test[1], predicted)


if __name__ == "__main__":
    main()
