"""What in a picture an answer rests on."""

from collections.abc import Callable, Generator

import numpy as np

GREY = 127
"""What covers a part of a picture: the middle of the range from 0 to 255."""


def occlude(pixels: np.ndarray, row: int, column: int, size: int, fill: float = GREY):
    """Cover a part of pictures with a square patch.

    Parameters
    ----------
    pixels : numpy.ndarray of shape (..., height, width, channels)
        One picture or many, before preprocessing.
    row, column : int
        The pixel at the middle of the patch. What of it is outside the picture is cut off.
    size : int
        Side of the patch in pixels.
    fill : float
        Value of its pixels.

    Returns
    -------
    numpy.ndarray
        A copy; the pictures stay as they are.
    """
    covered = np.array(pixels)
    top, left = (max(0, middle - size // 2) for middle in (row, column))
    bottom, right = (max(0, middle - size // 2 + size) for middle in (row, column))
    covered[..., top:bottom, left:right, :] = fill
    return covered


def occlusion_map(
    predict: Callable[[np.ndarray], np.ndarray],
    pixels: np.ndarray,
    class_number: int,
    size: int,
    step: int,
    fill: float = GREY,
) -> np.ndarray:
    """Cover each part of a picture in turn, and note what becomes of a class's probability.

    Where it falls, the answer rests on what was covered (Zeiler & Fergus 2014,
    https://arxiv.org/abs/1311.2901, section 4.2).

    Parameters
    ----------
    predict : callable
        Takes RGB values from 0 to 255, ``(n, height, width, 3)``, and gives probabilities
        ``(n, classes)``; it includes the preprocessing.
    pixels : numpy.ndarray of shape (1, height, width, 3)
        The picture in the size that the network takes, as `path_to_tensor` gives it.
    class_number : int
        Whose probability it is.
    size : int
        Side of the patch in pixels, see `occlude`.
    step : int
        Pixels from one place of the patch to the next.
    fill : float
        Value of the patch.

    Returns
    -------
    numpy.ndarray of float32, shape (height // step, width // step)
        At ``[i, j]`` the probability with the middle of the patch in the middle of the
        ``i``-th strip of `step` rows and the ``j``-th of `step` columns.
    """
    rows = occlusion_rows(predict, pixels, class_number, size, step, fill)
    return np.stack(list(rows))


def occlusion_rows(
    predict: Callable[[np.ndarray], np.ndarray],
    pixels: np.ndarray,
    class_number: int,
    size: int,
    step: int,
    fill: float = GREY,
) -> Generator[np.ndarray]:
    """Compute an occlusion map row by row, so that it can be shown and stopped meanwhile.

    Parameters and rows are those of `occlusion_map`.
    """
    height, width = pixels.shape[1:3]
    columns = middles(width, step)
    for row in middles(height, step):
        batch = np.concatenate([occlude(pixels, row, column, size, fill) for column in columns])
        yield np.asarray(predict(batch), np.float32)[:, class_number]


def middles(length: int, step: int) -> list[int]:
    """Return the middles of the strips of `step` pixels that fit into a length."""
    return [start + step // 2 for start in range(0, length - step + 1, step)]
