"""Image files to tensors: decoded in parallel, straight into one array."""

import io
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm.auto import tqdm

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM")
"""What is decoded. Pillow knows more, among them EPS, which would start another program."""

Content = bytes | bytearray | memoryview
ImageSource = str | Path | Content | Image.Image


class BadImagesError(ValueError):
    """Pictures that cannot be read, all of them named in one message.

    Attributes
    ----------
    paths : list
        The offenders, as they were given.
    """

    def __init__(self, message: str, paths: list | None = None):
        super().__init__(message)
        self.paths = paths or []


def path_to_tensor(
    path: ImageSource | np.ndarray, size: tuple[int, int] = (224, 224)
) -> np.ndarray:
    """Read one picture as the tensor that a network takes.

    Parameters
    ----------
    path : str, pathlib.Path, bytes, PIL.Image.Image or numpy.ndarray
        An image file, the content of one (what an upload button gives), or a picture
        that is open already; an array holds values from 0 to 255, ``(height, width, 3)``.
    size : (int, int)
        Height and width in pixels. The whole picture is resized to it (bilinear, with
        antialiasing); its proportions are not kept.

    Returns
    -------
    numpy.ndarray of shape (1, height, width, 3) and dtype float32
        RGB values from 0 to 255, turned as the EXIF orientation says. Grey, palette and
        CMYK pictures become RGB, 16 bits are scaled to 8, what is transparent is laid on
        white, and of an animation it is the first frame.

    Raises
    ------
    BadImagesError
        If the picture is missing, empty, broken off, or no picture.
    """
    if isinstance(path, np.ndarray):
        path = Image.fromarray(path.astype("uint8"))
    return paths_to_tensor([path], size, progress=False)


def paths_to_tensor(
    paths: Iterable[ImageSource],
    size: tuple[int, int] = (224, 224),
    *,
    skip_bad: bool = False,
    progress: bool = True,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Read many pictures into one tensor, several at a time.

    Parameters
    ----------
    paths : iterable
        Whatever `path_to_tensor` takes, in the order that the rows shall have.
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
        With ``skip_bad=True`` only: which of the pictures have a row in `tensor`.
        Labels must be chosen alike: ``labels[kept]``.

    Raises
    ------
    BadImagesError
        If some pictures cannot be read and `skip_bad` is false; it names all of them.
    """
    if isinstance(paths, ImageSource):
        raise TypeError("paths_to_tensor takes a list of pictures; for one: path_to_tensor(path)")
    sources = list(paths)
    # One array from the start: stacking rows afterwards would hold every picture twice.
    tensor = np.empty((len(sources), *_checked(size), 3), np.float32)
    # Pillow lets go of Python's global lock while it decodes and resizes, so threads suffice.
    with ThreadPoolExecutor() as pool:
        reasons = pool.map(_decode_into, tensor, sources)
        bar = tqdm(reasons, total=len(sources), unit="image", disable=not progress)
        problems = {row: reason for row, reason in enumerate(bar) if reason}
    if not problems:
        return (tensor, np.ones(len(sources), bool)) if skip_bad else tensor
    report = _report(sources, problems)
    if not skip_bad:
        raise BadImagesError(report, [sources[row] for row in problems])
    warnings.warn(report, stacklevel=2)
    return _without(tensor, problems)


def _checked(size: tuple[int, int]) -> tuple[int, int]:
    try:
        height, width = (int(side) for side in size)
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 1:
        raise ValueError(f"size is (height, width) in pixels, for example (224, 224), not {size!r}")
    return height, width


def thumbnails(sources: Iterable[ImageSource], side: int) -> list[Image.Image]:
    """Open pictures to look at: upright, in RGB, with their proportions.

    Parameters
    ----------
    sources : iterable
        Whatever `path_to_tensor` takes.
    side : int
        Larger pictures are shrunk to fit into ``side`` times ``side`` pixels.

    Raises
    ------
    BadImagesError
        If pictures cannot be read; it names all of them.
    """
    sources, pictures, problems = list(sources), [], {}
    for row, source in enumerate(sources):
        try:
            pictures.append(_rgb(source, enough=2 * side))
        except Exception as error:  # see _decode_into
            problems[row] = _reason(source, error)
    if problems:
        raise BadImagesError(_report(sources, problems), [sources[row] for row in problems])
    for picture in pictures:
        picture.thumbnail((side, side))
    return pictures


def _decode_into(row: np.ndarray, source: ImageSource) -> str | None:
    """Fill one row of the tensor; return what is wrong with the picture, if anything is."""
    height, width, _ = row.shape
    try:
        # Half of what is left is for the resizing, so that the result stays nearly the same.
        picture = _rgb(source, enough=2 * max(height, width))
        row[...] = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    except Exception as error:  # broken files make Pillow's decoders raise nearly everything
        return _reason(source, error)
    return None


def _rgb(source: ImageSource, enough: int) -> Image.Image:
    """Return a picture upright and in RGB; a large JPEG not much larger than `enough` pixels."""
    if isinstance(source, Image.Image):
        return _colours(_upright(source.copy()))
    file = io.BytesIO(source) if isinstance(source, Content) else source
    with Image.open(file, formats=FORMATS) as image:
        # libjpeg decodes to 1/2, 1/4 or 1/8 at a fraction of the time and memory.
        image.draft(None, (enough, enough))
        return _colours(_upright(image))


def _upright(image: Image.Image) -> Image.Image:
    ImageOps.exif_transpose(image, in_place=True)
    return image


def _colours(image: Image.Image) -> Image.Image:
    """Return the picture in RGB, whatever it was."""
    if image.mode[0] in "IF":
        return _from_16_bits(np.asarray(image)).convert("RGB")
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _from_16_bits(grey: np.ndarray) -> Image.Image:
    if grey.dtype.kind == "f" or grey.min() < 0 or grey.max() > 65535:
        raise ValueError("more than 16 bits a pixel: save it with 8 or 16")
    return Image.fromarray((grey // 257).astype(np.uint8))  # 65535 // 257 is 255


def _reason(source: ImageSource, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    if isinstance(error, IsADirectoryError):
        return "is a folder"
    if isinstance(error, UnidentifiedImageError):
        size = len(source) if isinstance(source, Content) else Path(source).stat().st_size
        return f"is not a picture ({', '.join(FORMATS)})" if size else "is empty"
    return f"cannot be decoded: {str(error) or type(error).__name__}"


def _report(sources: list[ImageSource], problems: dict[int, str]) -> str:
    lines = [f"{len(problems)} of {len(sources)} picture(s) cannot be read:"]
    lines += [f"  {_name(sources[row])}: {reason}" for row, reason in problems.items()]
    lines += ["Replace or delete what is named here."]
    if len(sources) > 1:
        lines += ["To go on without: tensor, kept = paths_to_tensor(paths, skip_bad=True),"]
        lines += ["and then labels[kept] instead of labels."]
    return "\n".join(lines)


def _name(source: ImageSource) -> str:
    return f"picture of {len(source)} bytes" if isinstance(source, Content) else str(source)


def _without(tensor: np.ndarray, bad: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """Move the good rows to the front; choosing them with the mask would copy the tensor."""
    kept = np.ones(len(tensor), bool)
    kept[list(bad)] = False
    for row, good in enumerate(np.flatnonzero(kept)):
        tensor[row] = tensor[good]
    return tensor[: kept.sum()], kept
