"""Image files to tensors: decoded in parallel, straight into one array."""

import contextlib
import io
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm.auto import tqdm

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM")
"""What is decoded. Pillow knows more formats, among them EPS, which starts another program."""
MAX_PIXELS = 64_000_000
"""Larger images are refused before they are decoded: a small file can claim any size."""
# Larger ones are decoded one at a time, in the main thread: threads times full images would fill
# the memory, and each thread's allocator keeps what its largest image took.
_THREAD_PIXELS = 4_000_000
_TOO_LARGE = f"has over {MAX_PIXELS // 10**6} megapixels: save a smaller copy"
_HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_ORIENTATION = 0x0112  # an EXIF tag

if tuple(map(int, PIL.__version__.split(".")[:2])) < (11, 2):
    raise ImportError(f"Pillow {PIL.__version__} is too old; run: pip install 'pillow>=11.2'")

Content = bytes | bytearray | memoryview
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
            if reason == _TOO_LARGE:  # for one thread of many
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
    images = [_decoded(source, (side, side), keep_proportions=True) for source in sources]
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
    image = _decoded(source, (row.shape[1], row.shape[0]), max_pixels)
    if isinstance(image, str):
        return image
    row[...] = np.asarray(image)
    return None


def _decoded(source, box, max_pixels=MAX_PIXELS, keep_proportions=False) -> Image.Image | str:
    """Return an image upright, in RGB and resized, or what is wrong with it."""
    try:
        file = _opened(source)
    except BadImagesError as error:  # another error here is not the image's fault
        return str(error)
    with file if isinstance(file, io.IOBase) else contextlib.nullcontext():
        try:
            image = _reduced(file, 2 * max(box), max_pixels)
            return _upright(image, box, keep_proportions)
        except MemoryError as error:
            error.add_note(f"while reading {_name(source)}")
            raise
        except BadImagesError as error:
            return str(error)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            return _TOO_LARGE
        except UnidentifiedImageError:
            return _what_it_is(file)
        except Exception as error:  # broken files make Pillow's decoders raise nearly everything
            return f"cannot be decoded: {str(error) or type(error).__name__}"


def _opened(source):
    """Return an image, or a file for Pillow to open."""
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, Content):
        return io.BytesIO(source)
    path = Path(source)
    if path.is_dir():
        raise BadImagesError("is a folder")
    if path.exists() and not path.is_file():  # reading a pipe might wait for ever
        raise BadImagesError("is not a file but a pipe or a device")
    try:
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a zero byte
        raise BadImagesError("does not exist") from None


def _from_array(array: np.ndarray) -> Image.Image:
    numeric, shape = array.dtype.kind in "buif", array.shape
    if not numeric or array.ndim not in (2, 3) or shape[2:] not in ((), (3,), (4,)):
        raise BadImagesError(f"has shape {shape}, type {array.dtype}; expected (height, width, 3)")
    low, high = (array.min(), array.max()) if array.size else (0, 0)
    # NaN is in no range. Only uint8 distinguishes a dark image from one scaled to 0 to 1.
    if not 0 <= low <= high <= 255 or (array.dtype != np.uint8 and 0 < high <= 1):
        raise BadImagesError(f"holds values from {low:.4g} to {high:.4g}; expected 0 to 255")
    return Image.fromarray(array.astype(np.uint8))


def _reduced(file, enough: int, max_pixels: int) -> Image.Image:
    """Open an image without decoding it; a JPEG not much larger than `enough` pixels."""
    image = file if isinstance(file, Image.Image) else Image.open(file, formats=FORMATS)
    pixels = image.width * image.height
    if image is not file:
        # libjpeg decodes to 1/2, 1/4 or 1/8 at a fraction of the time and memory.
        image.draft(None, (enough, enough))
    # A progressive JPEG takes the memory of the full image at any scale.
    decoded = pixels if image.info.get("progressive") else image.width * image.height
    if pixels > MAX_PIXELS or decoded > max_pixels:
        raise BadImagesError(_TOO_LARGE)
    if pixels == 0:
        raise BadImagesError("has no pixels")
    return image


def _upright(image: Image.Image, box: tuple[int, int], keep_proportions: bool) -> Image.Image:
    """Shrink first: turning and compositing a full image would take its memory once more."""
    image.load()  # of a TIFF, Pillow itself obeys the orientation here
    orientation = image.getexif().get(_ORIENTATION, 1)
    if orientation in (5, 6, 7, 8):  # stored on its side
        box = box[::-1]
    if keep_proportions:
        scale = min(1, box[0] / image.width, box[1] / image.height)
        box = tuple(max(1, round(scale * side)) for side in image.size)
    small = _colours(image).resize(box, Image.Resampling.BILINEAR)
    small.info = {}  # `resize` has kept the EXIF data, which may be damaged
    small.getexif()[_ORIENTATION] = orientation
    ImageOps.exif_transpose(small, in_place=True)
    if small.mode == "RGB":
        return small
    return Image.alpha_composite(Image.new("RGBA", small.size, "white"), small).convert("RGB")


def _colours(image: Image.Image) -> Image.Image:
    """Return the image in RGB, or in RGBA where parts are transparent."""
    if image.mode[0] in "IF":
        return _from_16_bits(image).convert("RGB")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _from_16_bits(image: Image.Image) -> Image.Image:
    tags = getattr(image, "tag_v2", {})  # a TIFF's bits per pixel, and whether 0 means white
    # Pillow widens a PPM's 16 bits to 32.
    is_16_bit = image.mode.startswith("I;16") or (image.format, image.mode) == ("PPM", "I")
    if not is_16_bit or tags.get(258, (16,)) != (16,) or tags.get(262, 1) != 1:
        raise BadImagesError("has values of unknown range: save it with 8 or 16 bits a pixel")
    grey = np.asarray(image)
    if (transparent := image.info.get("transparency")) is not None:
        grey = np.where(grey == transparent, 65535, grey)
    return Image.fromarray((grey // 257).astype(np.uint8))  # 65535 // 257 is 255


def _what_it_is(file: io.IOBase) -> str:
    file.seek(0)
    start = file.read(12)
    if start[4:8] == b"ftyp" and start[8:] in _HEIC:
        return "is a HEIC image, which cannot be read here: save it as JPEG"
    return f"is not an image ({', '.join(FORMATS)})" if start else "is empty"


def _all_bad(sources: list, problems: dict[int, str]) -> BadImagesError:
    lines = [f"{len(problems)} of {len(sources)} images cannot be read:"]
    lines += [f"  {_name(sources[row])}: {reason}" for row, reason in problems.items()]
    lines += ["Replace or delete what is named here."]
    if len(sources) > 1:
        lines += ["To leave it out: tensor, kept = paths_to_tensor(paths, skip_bad=True),"]
        lines += ["and then labels[kept] instead of labels."]
    return BadImagesError("\n".join(lines), [sources[row] for row in problems])


def _name(source) -> str:
    if isinstance(source, np.ndarray):
        return "array"
    return f"image of {len(source)} bytes" if isinstance(source, Content) else str(source)


def _without(tensor: np.ndarray, bad: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """Move the good rows to the front; selecting them with the mask would copy the tensor."""
    kept = np.ones(len(tensor), bool)
    kept[list(bad)] = False
    for row, good in enumerate(np.flatnonzero(kept)):
        tensor[row] = tensor[good]
    return tensor[: kept.sum()], kept
