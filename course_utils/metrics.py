"""How often a network is right, in numbers and in words."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix

MATRIX_CLASSES = 12
"""A text table with more columns than this no longer fits a page; errors are listed instead."""


@dataclass(frozen=True)
class Accuracy:
    """A share of right answers and how sure one can be of it; see `accuracy_report`.

    Attributes
    ----------
    correct, total : int
        Right answers, and answers.
    low, high : float
        Ends of the confidence interval.
    confidence : float
        How often such an interval holds the accuracy on many more images of this kind.
    """

    correct: int
    total: int
    low: float
    high: float
    confidence: float = 0.95

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return self.correct / self.total

    def __str__(self) -> str:
        return (
            f"{self.accuracy:.3f} ({self.correct} of {self.total}; "
            f"{100 * self.confidence:g} % interval {self.low:.3f} to {self.high:.3f})"
        )

    __repr__ = __str__


def accuracy_report(y_true, y_pred, confidence: float = 0.95) -> Accuracy:
    """Count the right answers and say how sure one can be of their share.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,) or (n, classes)
        Class numbers, or a row per image: one-hot targets, probabilities.
    confidence : float
        Confidence of the interval.

    Returns
    -------
    Accuracy
        Its text is, for example, ``0.956 (431 of 451; 95 % interval 0.932 to 0.971)``.
        The interval is Wilson's (1927), which stays sensible near 0 and 1.

    Raises
    ------
    ValueError
        If these are not the classes of the same images.
    """
    true, predicted = class_numbers(y_true, y_pred)
    correct, total = int((true == predicted).sum()), len(true)
    interval = binomtest(correct, total).proportion_ci(confidence, method="wilson")
    return Accuracy(correct, total, float(interval.low), float(interval.high), confidence)


def confusion_counts(y_true, y_pred, class_names) -> tuple[np.ndarray, np.ndarray]:
    """Count which class is taken for which.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,) or (n, classes)
        See `accuracy_report`.
    class_names : sequence of str

    Returns
    -------
    counts : numpy.ndarray of int64, shape (classes, classes)
        Row: the true class. Column: the predicted one.
    shares : numpy.ndarray of float64, shape (classes, classes)
        The same, divided by the number of images of the true class.
    """
    classes = len(class_names)
    true, predicted = class_numbers(y_true, y_pred, classes)
    counts = confusion_matrix(true, predicted, labels=np.arange(classes))
    return counts, counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def confusion_table(y_true, y_pred, class_names) -> str:
    """Return the confusion matrix as text: counts, and in brackets the share of the row.

    Of more than twelve classes, each has a line that says how often it is recognised and
    what it is most often taken for.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,) or (n, classes)
        See `accuracy_report`.
    class_names : sequence of str
    """
    counts, shares = confusion_counts(y_true, y_pred, class_names)
    names = [str(name) for name in class_names]
    if len(names) > MATRIX_CLASSES:
        return _list_of_errors(counts, shares, names)
    cells = [
        [f"{count} ({share:.0%})" if count else "0" for count, share in zip(*rows, strict=True)]
        for rows in zip(counts, shares, strict=True)
    ]
    head = "true \\ predicted"
    table = [[head, *names]] + [[name, *row] for name, row in zip(names, cells, strict=True)]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in table
    )


def _list_of_errors(counts: np.ndarray, shares: np.ndarray, names: list[str]) -> str:
    lines = []
    for i, name in enumerate(names):
        total, errors = counts[i].sum(), np.where(np.arange(len(names)) == i, 0, counts[i])
        line = f"{name}: {counts[i, i]} of {total} right ({shares[i, i]:.0%})"
        if errors.any():
            worst = errors.argmax()
            line += (
                f", most often taken for {names[worst]}: {errors[worst]} ({shares[i, worst]:.0%})"
            )
        lines.append(line)
    return "\n".join(lines)


def class_numbers(y_true, y_pred, classes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return true and predicted classes as numbers, whatever form they came in.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,) or (n, classes)
        Class numbers, or a row per image: one-hot targets, probabilities.
    classes : int, optional
        How many classes there are.

    Raises
    ------
    ValueError
        If they are no class numbers, not of the same images, or of other classes.
    """
    true, predicted = _numbers(y_true, "y_true", classes), _numbers(y_pred, "y_pred", classes)
    if len(true) != len(predicted) or len(true) == 0:
        raise ValueError(
            f"y_true has {len(true)} images and y_pred {len(predicted)}; they must be the same, "
            "at least one"
        )
    return true, predicted


def _numbers(values, name: str, classes: int | None) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind not in "biuf" or values.ndim not in (1, 2):
        raise ValueError(
            f"{name} must hold class numbers (n,) or a row per image (n, classes), "
            f"not {values.dtype} of shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds NaN or infinite values: did the training diverge?")
    if values.ndim == 2:
        return _largest(values, name, classes)
    if (values != values.astype(np.int64)).any():
        raise ValueError(
            f"{name} holds fractions. If they are probabilities of class 1, compare them with "
            f"a threshold first: ({name} > 0.5).astype(int)"
        )
    limit = classes or np.inf
    if values.size and not 0 <= values.min() <= values.max() < limit:
        raise ValueError(
            f"{name} holds numbers from {values.min()} to {values.max()}; "
            f"classes are counted from 0{f' to {classes - 1}' if classes else ''}"
        )
    return values.astype(np.int64)


def _largest(rows: np.ndarray, name: str, classes: int | None) -> np.ndarray:
    columns = rows.shape[1]
    if columns < 2:
        raise ValueError(
            f"{name} has one column, so it holds probabilities of class 1 only. Compare them with "
            f"a threshold first: ({name}[:, 0] > 0.5).astype(int)"
        )
    if classes not in (None, columns):
        raise ValueError(f"{name} has {columns} columns for {classes} classes")
    return rows.argmax(axis=1)
