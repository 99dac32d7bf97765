"""Well-known data sets through Keras' own loaders: checked, and a plain word where they fail."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from course_utils.downloads import DownloadError

TIMEOUT = 10.0
"""Seconds without a sign of life after which a server counts as stalled."""


@dataclass(frozen=True)
class PublicDataset:
    """What must come out when one of Keras' data sets is loaded.

    Attributes
    ----------
    train, test : int
        Number of pictures.
    shape : tuple of int
        Of one picture.
    classes : int
    megabytes : int
        How much a first call downloads.
    """

    train: int
    test: int
    shape: tuple[int, ...]
    classes: int
    megabytes: int


PUBLIC_DATASETS = {
    "mnist": PublicDataset(60_000, 10_000, (28, 28), 10, 11),
    "fashion_mnist": PublicDataset(60_000, 10_000, (28, 28), 10, 31),
    "cifar10": PublicDataset(50_000, 10_000, (32, 32, 3), 10, 170),
    "cifar100": PublicDataset(50_000, 10_000, (32, 32, 3), 100, 169),
}


def load_public(name: str, timeout: float = TIMEOUT):
    """Load a data set as ``keras.datasets`` does, from disk or, the first time, by downloading it.

    Parameters
    ----------
    name : {"mnist", "fashion_mnist", "cifar10", "cifar100"}
    timeout : float
        Seconds without a sign of life after which a server counts as stalled.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : pairs of numpy.ndarray of uint8
        Pictures ``(n, height, width)`` or ``(n, height, width, 3)`` with values from 0 to 255,
        and class numbers ``(n,)``.

    Raises
    ------
    ValueError
        If this is none of the names.
    DownloadError
        If it is not on disk and cannot be had, or is not what it should be.
    """
    if name not in PUBLIC_DATASETS:
        raise ValueError(f"no data set {name!r}; choose one of: {', '.join(PUBLIC_DATASETS)}")
    import keras

    try:
        with _stalled_after(timeout):
            parts = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises a bare Exception where there is no network
        raise DownloadError(
            f"{name} is not on this machine and could not be fetched ({_reason(error)}). "
            f"{_advice(name)}"
        ) from error
    parts = tuple((images, labels.reshape(-1)) for images, labels in parts)
    _refuse_another(name, parts)
    return parts


def _refuse_another(name: str, parts) -> None:
    """Raise where the arrays cannot be those of the data set, whatever the file was called."""
    expected = PUBLIC_DATASETS[name]
    for (images, labels), count in zip(parts, (expected.train, expected.test), strict=True):
        classes = len(set(labels.tolist()))
        if images.shape != (count, *expected.shape) or labels.shape != (count,):
            found = f"pictures {images.shape}, labels {labels.shape}"
        elif classes != expected.classes:
            found = f"{classes} classes"
        else:
            continue
        raise DownloadError(
            f"what is stored as {name} is something else ({found}). {_advice(name)}"
        )


def _advice(name: str) -> str:
    folder = Path(os.environ.get("KERAS_HOME") or "~/.keras") / "datasets"
    return (
        f"Connect to the internet once and try again ({PUBLIC_DATASETS[name].megabytes} MB), or "
        f"copy the folder {folder} from a machine that has it. If a file there is damaged, "
        "delete it first."
    )


def _reason(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]} ..."


@contextmanager
def _stalled_after(seconds: float) -> Iterator[None]:
    """Let connections fail that would wait for ever: Keras itself sets no limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
