"""Accuracy with its confidence interval, and confusion counts."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix


@dataclass(frozen=True)
class Accuracy:
    """Accuracy on a test set with its confidence interval; see `accuracy_report`.

    Attributes
    ----------
    correct, total : int
        Number of correct predictions, and of all predictions.
    low, high : float
        Ends of the confidence interval.
    confidence : float
        How often such an interval contains the accuracy on many more images of this kind.
    """

    correct: int
    total: int
    low: float
    high: float
    confidence: float = 0.95

    @property
    def accuracy(self) -> float:
        """Fraction of correct predictions."""
        return self.correct / self.total

    def __str__(self) -> str:
        return (
            f"{self.accuracy:.3f} ({self.correct} of {self.total}; "
            f"{100 * self.confidence:g} % interval {self.low:.3f} to {self.high:.3f})"
        )

    __repr__ = __str__


def accuracy_report(y_true, y_pred, confidence: float = 0.95) -> Accuracy:
    """Compute the accuracy and its confidence interval.

    The interval is Wilson's (1927), which stays sensible near 0 and 1.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,) or (n, classes)
        Class indices, or a row per image: one-hot targets, probabilities.
    confidence : float
        Confidence of the interval.

    Raises
    ------
    ValueError
        If the values are not classes, or not of the same images.

    Examples
    --------
    >>> accuracy_report(y_true=[0, 1, 1, 0], y_pred=[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [1, 0]])
    0.750 (3 of 4; 95 % interval 0.301 to 0.954)
    """
    true, predicted = as_class_indices(y_true, y_pred)
    correct, total = int((true == predicted).sum()), len(true)
    interval = binomtest(correct, total).proportion_ci(confidence, method="wilson")
    return Accuracy(correct, total, float(interval.low), float(interval.high), confidence)


def confusion_counts(y_true, y_pred, class_names) -> tuple[np.ndarray, np.ndarray]:
    """Count which class is predicted as which.

    Returns
    -------
    counts : numpy.ndarray of int64, shape (classes, classes)
        Row: the true class. Column: the predicted class.
    shares : numpy.ndarray of float64, shape (classes, classes)
        The counts divided by the number of images of the true class.
    """
    classes = len(class_names)
    true, predicted = as_class_indices(y_true, y_pred, classes)
    counts = confusion_matrix(true, predicted, labels=np.arange(classes))
    return counts, counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def as_class_indices(y_true, y_pred, classes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return true and predicted classes as int64 indices ``(n,)``; see `accuracy_report`."""
    true, predicted = _indices(y_true, "y_true", classes), _indices(y_pred, "y_pred", classes)
    if len(true) != len(predicted) or len(true) == 0:
        raise ValueError(
            f"y_true has {len(true)} images and y_pred {len(predicted)}; they must be the same, "
            "at least one"
        )
    return true, predicted


def _indices(values, name: str, classes: int | None) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind not in "biuf" or values.ndim not in (1, 2):
        raise ValueError(
            f"{name} must hold class indices (n,) or a row per image (n, classes), "
            f"not {values.dtype} of shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"{name} contains NaN or infinite values: did the training diverge?")
    columns = values.shape[1] if values.ndim == 2 else None
    if columns == 1 or (columns is None and (values % 1).any()):
        found, part = ("one column", "[:, 0]") if columns else ("fractions", "")
        raise ValueError(
            f"{name} holds {found}, not class indices. If these are probabilities of class 1, "
            f"compare them with a threshold first: ({name}{part} > 0.5).astype(int)"
        )
    if columns:
        if classes not in (None, columns):
            raise ValueError(f"{name} has {columns} columns for {classes} classes")
        return values.argmax(axis=1)
    if values.size and not 0 <= values.min() <= values.max() < (classes or np.inf):
        raise ValueError(
            f"{name} contains indices from {values.min()} to {values.max()}; "
            f"classes are counted from 0{f' to {classes - 1}' if classes else ''}"
        )
    return values.astype(np.int64)
