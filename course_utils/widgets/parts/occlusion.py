"""Occlusion maps: how the probability of a class depends on each part of an image."""

from collections.abc import Callable, Generator

import numpy as np

from course_utils.explain import occlude


def occlusion_map(
    predict: Callable[[np.ndarray], np.ndarray],
    pixels: np.ndarray,
    class_index: int,
    size: int,
    step: int,
) -> np.ndarray:
    """Cover each part of an image in turn and record the probability of a class.

    Where it falls, the prediction rests on what was covered (Zeiler & Fergus 2014,
    https://arxiv.org/abs/1311.2901, section 4.2).

    Parameters
    ----------
    predict : callable
        Takes RGB values from 0 to 255, ``(n, height, width, 3)``, and returns probabilities
        ``(n, classes)``; it includes the preprocessing.
    pixels : numpy.ndarray of shape (1, height, width, 3)
        The image in the network's input size, as `path_to_tensor` returns it.
    class_index : int
    size : int
        Side of the grey patch in pixels, see `course_utils.occlude`.
    step : int
        Pixels from one position of the patch to the next.

    Returns
    -------
    numpy.ndarray of float32, shape (height // step, width // step)
        At ``[i, j]`` the probability with the patch centred on the ``i``-th strip of `step`
        rows and the ``j``-th of `step` columns.
    """
    return np.stack(list(occlusion_rows(predict, pixels, class_index, size, step)))


def occlusion_rows(predict, pixels, class_index, size, step) -> Generator[np.ndarray]:
    """Compute an occlusion map row by row, so that it can be shown and stopped meanwhile."""
    height, width = pixels.shape[1:3]
    for row in centres(height, step):
        batch = [occlude(pixels, row, column, size) for column in centres(width, step)]
        yield np.asarray(predict(np.concatenate(batch)), np.float32)[:, class_index]


def centres(length: int, step: int) -> list[int]:
    """Return the centres of the strips of `step` pixels that fit into a length.

    >>> centres(64, 16)
    [8, 24, 40, 56]
    """
    return [start + step // 2 for start in range(0, length - step + 1, step)]
