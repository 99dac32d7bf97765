"""Image files to tensors: decoded in parallel, straight into one array."""

import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from course_utils.plumbing.decoding import MAX_PIXELS, TOO_LARGE, Content, decode, name_of

# Images with more pixels are decoded one at a time, in the main thread: threads times full images
# would fill the memory, and each thread's allocator keeps what its largest image took.
_THREAD_PIXELS = 4_000_000

ImageSource = str | Path | Content | Image.Image


class BadImagesError(ValueError):
    """Images that cannot be read, all of them named in one message.

    Attributes
    ----------
    paths : list
        The unreadable images, as they were given.
    """

    def __init__(self, message: str, paths: list | None = None):
        super().__init__(message)
        self.paths = paths or []


def path_to_tensor(path: ImageSource | np.ndarray, size=(224, 224)) -> np.ndarray:
    """Read one image as the tensor that a network takes.

    Parameters
    ----------
    path : str, pathlib.Path, bytes, PIL.Image.Image or numpy.ndarray
        An image file, the content of one (what an upload button gives), or an open image.
        An array holds values from 0 to 255, ``(height, width, 3)``.
    size : (int, int)
        Height and width in pixels. The whole image is resized to it (bilinear, with
        antialiasing); its proportions are not kept.

    Returns
    -------
    numpy.ndarray of shape (1, height, width, 3) and dtype float32
        RGB values from 0 to 255, upright according to the EXIF orientation. Grey, palette
        and CMYK images are converted to RGB, 16 bits are scaled to 8, transparency is
        composited onto white, and an animation gives its first frame.

    Raises
    ------
    BadImagesError
        If the image is missing, empty, truncated, over 64 megapixels or not an image, or its
        range of values is unknown (32 bits a pixel, an array scaled to 0 to 1).
    OSError, MemoryError
        If the image is not to blame: no permission, too many open files.
    """
    return paths_to_tensor([path], size, progress=False)


def paths_to_tensor(
    paths: Iterable, size=(224, 224), *, skip_bad: bool = False, progress: bool = True
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Read many images into one tensor, several at a time.

    Parameters
    ----------
    paths : iterable
        Whatever `path_to_tensor` takes, in the order of the rows.
    size : (int, int)
        Height and width in pixels, see `path_to_tensor`.
    skip_bad : bool
        Leave out what cannot be read, with a warning that names it.
    progress : bool
        Show a progress bar.

    Returns
    -------
    tensor : numpy.ndarray of shape (n, height, width, 3) and dtype float32
        RGB values from 0 to 255.
    kept : numpy.ndarray of shape (len(paths),) and dtype bool
        Only with ``skip_bad=True``: which images have a row in `tensor`. Select the labels
        accordingly: ``labels[kept]``.

    Raises
    ------
    BadImagesError, OSError, MemoryError
        See `path_to_tensor`; the first names all images that cannot be read.
    """
    if isinstance(paths, ImageSource):
        raise TypeError("paths_to_tensor takes a list of images; for one: path_to_tensor(path)")
    sources, problems = list(paths), {}
    # One array from the start: stacking rows afterwards would hold every image twice.
    tensor = np.empty((len(sources), *_checked(size), 3), np.float32)
    # Pillow releases Python's global lock while it decodes and resizes, so threads suffice.
    with ThreadPoolExecutor() as pool:
        reasons = pool.map(_decode_into, tensor, sources, repeat(_THREAD_PIXELS))
        for row, reason in enumerate(
            tqdm(reasons, total=len(sources), unit="image", disable=not progress)
        ):
            if reason == TOO_LARGE:  # for one thread of many
                reason = _decode_into(tensor[row], sources[row])
            if reason:
                problems[row] = reason
    if not problems:
        return (tensor, np.ones(len(sources), bool)) if skip_bad else tensor
    error = _all_bad(sources, problems)
    if not skip_bad:
        raise error
    warnings.warn(str(error), stacklevel=2)
    return _without(tensor, problems)


def thumbnails(sources: Iterable, side: int) -> list[Image.Image]:
    """Open images for display: upright, in RGB, shrunk to fit into ``side`` times ``side`` pixels.

    It takes what `paths_to_tensor` takes, and raises the same errors.
    """
    sources = list(sources)
    images = [decode(source, (side, side), keep_proportions=True) for source in sources]
    if problems := {row: found for row, found in enumerate(images) if isinstance(found, str)}:
        raise _all_bad(sources, problems)
    return images


def _checked(size) -> tuple[int, int]:
    try:
        height, width = (int(side) for side in size)
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 1:
        raise ValueError(f"size is (height, width) in pixels, for example (224, 224), not {size!r}")
    return height, width


def _decode_into(row: np.ndarray, source, max_pixels: int = MAX_PIXELS) -> str | None:
    """Fill one row of the tensor; return what is wrong with the image, if anything is."""
    image = decode(source, (row.shape[1], row.shape[0]), max_pixels)
    if isinstance(image, str):
        return image
    row[...] = np.asarray(image)
    return None


def _all_bad(sources: list, problems: dict[int, str]) -> BadImagesError:
    lines = [f"{len(problems)} of {len(sources)} images cannot be read:"]
    lines += [f"  {name_of(sources[row])}: {reason}" for row, reason in problems.items()]
    lines += ["Replace or delete what is named here."]
    if len(sources) > 1:
        lines += ["To leave it out: tensor, kept = paths_to_tensor(paths, skip_bad=True),"]
        lines += ["and then labels[kept] instead of labels."]
    return BadImagesError("\n".join(lines), [sources[row] for row in problems])


def _without(tensor: np.ndarray, bad: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """Move the good rows to the front; selecting them with the mask would copy the tensor."""
    kept = np.ones(len(tensor), bool)
    kept[list(bad)] = False
    for row, good in enumerate(np.flatnonzero(kept)):
        tensor[row] = tensor[good]
    return tensor[: kept.sum()], kept
