"""Decoding of images: any file, content, array or open image to a small upright RGB image.

All input is untrusted: a truncated download, a pipe, a few bytes that claim gigapixels.
"""

import contextlib
import io
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM")
"""What is decoded. Pillow knows more formats, among them EPS, which starts another program."""
MAX_PIXELS = 64_000_000
"""Larger images are refused before they are decoded: a small file can claim any size."""
TOO_LARGE = f"has over {MAX_PIXELS // 10**6} megapixels: save a smaller copy"

Content = bytes | bytearray | memoryview

_HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_ORIENTATION = 0x0112  # an EXIF tag

if tuple(map(int, PIL.__version__.split(".")[:2])) < (11, 2):
    raise ImportError(f"Pillow {PIL.__version__} is too old; run: pip install 'pillow>=11.2'")


class Undecodable(ValueError):
    """The reason why an image is refused."""


def decode(source, box, max_pixels=MAX_PIXELS, keep_proportions=False) -> Image.Image | str:
    """Decode an image to RGB, upright and resized.

    Parameters
    ----------
    source : str, pathlib.Path, bytes, PIL.Image.Image or numpy.ndarray
        See `course_utils.path_to_tensor`.
    box : (int, int)
        Width and height of the result.
    max_pixels : int
        More than that are not decoded: the answer is `TOO_LARGE`.
    keep_proportions : bool
        Whether the result is the largest that fits into `box`, but not larger than the image.

    Returns
    -------
    PIL.Image.Image or str
        The image, or what is wrong with it.

    Raises
    ------
    OSError, MemoryError
        If the image is not to blame.
    """
    try:
        file = _opened(source)
    except Undecodable as error:  # another error here is not the image's fault
        return str(error)
    with file if isinstance(file, io.IOBase) else contextlib.nullcontext():
        try:
            image = _reduced(file, 2 * max(box), max_pixels)
            return _to_rgb(image, box, keep_proportions)
        except MemoryError as error:
            error.add_note(f"while reading {name_of(source)}")
            raise
        except Undecodable as error:
            return str(error)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            return TOO_LARGE
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
        raise Undecodable("is a folder")
    if path.exists() and not path.is_file():  # reading a pipe might wait for ever
        raise Undecodable("is not a file but a pipe or a device")
    try:
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a zero byte
        raise Undecodable("does not exist") from None


def _from_array(array: np.ndarray) -> Image.Image:
    numeric, shape = array.dtype.kind in "buif", array.shape
    if not numeric or array.ndim not in (2, 3) or shape[2:] not in ((), (3,), (4,)):
        raise Undecodable(f"has shape {shape}, type {array.dtype}; expected (height, width, 3)")
    low, high = (array.min(), array.max()) if array.size else (0, 0)
    # NaN is in no range. Only uint8 distinguishes a dark image from one scaled to 0 to 1.
    if not 0 <= low <= high <= 255 or (array.dtype != np.uint8 and 0 < high <= 1):
        raise Undecodable(f"holds values from {low:.4g} to {high:.4g}; expected 0 to 255")
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
        raise Undecodable(TOO_LARGE)
    if pixels == 0:
        raise Undecodable("has no pixels")
    return image


def _to_rgb(image: Image.Image, box: tuple[int, int], keep_proportions: bool) -> Image.Image:
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
        raise Undecodable("has values of unknown range: save it with 8 or 16 bits a pixel")
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


def name_of(source) -> str:
    """Return what to call an image in a message."""
    if isinstance(source, np.ndarray):
        return "array"
    return f"image of {len(source)} bytes" if isinstance(source, Content) else str(source)
