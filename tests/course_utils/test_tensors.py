"""Image files to tensors: every kind of file and damage, order, memory."""

import io
import os
import re
import runpy
import struct
import subprocess
import sys
import threading
import zlib

import numpy as np
import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from course_utils import tensors
from course_utils.editions import current_edition
from course_utils.tensors import (
    FORMATS,
    BadImagesError,
    path_to_tensor,
    paths_to_tensor,
    thumbnails,
)

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encode(image: Image.Image, file_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def corners(width: int = 64, height: int = 48) -> Image.Image:
    """An image with another colour in each quarter: red, green / blue, white."""
    image = Image.new("RGB", (width, height), RED)
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 2, 0, width, height // 2 - 1), fill=GREEN)
    draw.rectangle((0, height // 2, width // 2 - 1, height), fill=BLUE)
    draw.rectangle((width // 2, height // 2, width, height), fill=WHITE)
    return image


def quarters(tensor: np.ndarray) -> np.ndarray:
    """The colours in the middle of the four quarters, row by row."""
    height, width = tensor.shape[1:3]
    rows, columns = [height // 4, 3 * height // 4], [width // 4, 3 * width // 4]
    return tensor[0][np.ix_(rows, columns)].reshape(4, 3)


@pytest.fixture
def folder(tmp_path):
    """Twenty images of different sizes, each in its own grey."""
    for number in range(20):
        Image.new("RGB", (30 + number, 90 - number), (number * 12,) * 3).save(
            tmp_path / f"{number:02}.png"
        )
    return tmp_path


# ---------------------------------------------------------------- shape, type, range, order


sides = st.integers(1, 40)


@settings(max_examples=40, deadline=None)
@given(
    shapes=st.lists(st.tuples(sides, sides), max_size=6),
    size=st.tuples(sides, sides),
    seed=st.integers(0, 99),
)
def test_tensor_has_the_promised_shape_type_range_and_rows(shapes, size, seed):
    generator = np.random.default_rng(seed)
    files = [
        encode(Image.fromarray(generator.integers(0, 256, (*shape, 3), np.uint8)), "PNG")
        for shape in shapes
    ]
    tensor = paths_to_tensor(files, size, progress=False)
    assert tensor.shape == (len(files), *size, 3)
    assert tensor.dtype == np.float32
    assert tensor.size == 0 or (tensor.min() >= 0 and tensor.max() <= 255)
    for row, file in zip(tensor, files, strict=True):
        np.testing.assert_array_equal(row[None], path_to_tensor(file, size))


def test_rows_keep_the_order_of_the_paths(folder):
    paths = sorted(folder.iterdir(), reverse=True)
    tensor = paths_to_tensor(paths, (8, 8), progress=False)
    assert tensor[:, 0, 0, 0].tolist() == [12 * number for number in range(19, -1, -1)]


def test_order_does_not_depend_on_which_image_is_decoded_first():
    large = encode(Image.effect_noise((1500, 1000), 50).convert("RGB"), "PNG")
    small = encode(Image.new("RGB", (4, 4), RED), "PNG")
    tensor = paths_to_tensor([large, *[small] * 20], (8, 8), progress=False)
    assert (tensor[1:] == RED).all()
    assert not (tensor[0] == RED).all()


def test_size_is_height_then_width():
    tensor = path_to_tensor(encode(corners(), "PNG"), (10, 30))
    assert tensor.shape == (1, 10, 30, 3)
    assert quarters(tensor).tolist() == [[*RED], [*GREEN], [*BLUE], [*WHITE]]


def test_shrinking_averages_and_does_not_pick_single_pixels():
    board = np.indices((160, 160)).sum(axis=0) % 2 * 255
    tensor = path_to_tensor(Image.fromarray(board.astype(np.uint8)), (16, 16))
    np.testing.assert_allclose(tensor, 127.5, atol=2)


@pytest.mark.parametrize("size", [224, (224,), (0, 5), (5, -1), "big", (1, 2, 3), None])
def test_a_size_that_is_not_a_pair_is_refused(size):
    with pytest.raises(ValueError, match=r"size is \(height, width\)"):
        path_to_tensor(encode(corners(), "PNG"), size)


def test_one_path_where_a_list_belongs_is_refused():
    with pytest.raises(TypeError, match=r"path_to_tensor\(path\)"):
        paths_to_tensor("cat.jpg")


def test_progress_bar_is_shown_unless_switched_off(folder, capsys):
    paths_to_tensor(folder.iterdir(), (8, 8), progress=False)
    assert capsys.readouterr().err == ""
    paths_to_tensor(folder.iterdir(), (8, 8))
    assert "20/20" in capsys.readouterr().err


# ---------------------------------------------------------------- what an image can come as


def test_path_text_content_and_open_image_give_the_same(tmp_path):
    path = tmp_path / "corners.png"
    corners().save(path)
    expected = path_to_tensor(path, (20, 20))
    content = path.read_bytes()
    for source in (str(path), content, bytearray(content), memoryview(content), corners()):
        np.testing.assert_array_equal(path_to_tensor(source, (20, 20)), expected)


def test_an_open_image_is_not_modified():
    image = Image.open(io.BytesIO(encode(corners(3000, 2000), "JPEG")))
    path_to_tensor(image, (20, 20))
    assert (image.size, image.mode) == ((3000, 2000), "RGB")
    assert image.getpixel((2990, 10)) == pytest.approx(GREEN, abs=3)


# ---------------------------------------------------------------- colours


@pytest.mark.parametrize(
    "file_format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM"]
)
def test_every_format_gives_the_same_colours(file_format):
    tensor = path_to_tensor(encode(corners(), file_format), (48, 64))
    np.testing.assert_allclose(quarters(tensor), [RED, GREEN, BLUE, WHITE], atol=6)


@pytest.mark.parametrize(
    ("mode", "file_format"),
    [("1", "PNG"), ("L", "PNG"), ("L", "JPEG"), ("LA", "PNG"), ("P", "PNG"), ("P", "GIF")]
    + [("RGBA", "PNG"), ("RGBA", "WEBP"), ("CMYK", "JPEG"), ("CMYK", "TIFF"), ("YCbCr", "TIFF")],
)
def test_every_mode_becomes_rgb(mode, file_format):
    file = encode(corners().convert(mode), file_format)
    expected = np.asarray(corners().convert(mode).convert("RGB"), np.float32)[None]
    tensor = path_to_tensor(file, (48, 64))
    assert tensor.shape == (1, 48, 64, 3)
    np.testing.assert_allclose(quarters(tensor), quarters(expected), atol=6)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled_and_not_clipped(file_format):
    ramp = np.repeat(np.linspace(0, 65535, 256).astype(np.uint16)[None], 4, axis=0)
    tensor = path_to_tensor(encode(Image.fromarray(ramp), file_format), (4, 256))
    np.testing.assert_allclose(tensor[0, 0, :, 0], np.arange(256), atol=1)


def tiff(bits: int, black: int, data: bytes) -> bytes:
    """An uncompressed grey TIFF of 4 x 4 pixels; `black` is 0 or 1 where 0 means white."""
    tags = {256: 4, 257: 4, 258: bits, 259: 1, 262: black, 273: 8, 277: 1, 278: 4, 279: len(data)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    start = struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data
    return start + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    "file",
    [
        encode(Image.fromarray(np.full((4, 4), 0.5, np.float32)), "TIFF"),
        encode(Image.fromarray(np.full((4, 4), 200, np.int32)), "TIFF"),
        b"Pf 4 4 -1.0\n" + np.full(16, 0.5, "<f4").tobytes(),
        tiff(12, 1, b"\xff" * 24),
        tiff(16, 0, b"\0" * 32),
    ],
    ids=["float TIFF", "32-bit TIFF", "float PPM", "12-bit TIFF", "TIFF where 0 is white"],
)
def test_pixels_of_unknown_range_are_refused(file):
    with pytest.raises(BadImagesError, match="unknown range: save it with 8 or 16 bits"):
        path_to_tensor(file)


def test_the_usual_16_bit_tiff_is_not_refused():
    assert (path_to_tensor(tiff(16, 1, b"\xff" * 32)) == 255).all()


@pytest.mark.parametrize(
    "array",
    [np.full((6, 5), 200), np.full((6, 5, 3), 200.0), np.full((6, 5, 4), 255, np.uint8)]
    + [np.zeros((6, 5, 3)), np.ones((6, 5, 3), np.uint8)],
)
def test_arrays_of_0_to_255_keep_their_values(array):
    tensor = path_to_tensor(array, (6, 5))
    assert tensor.shape == (1, 6, 5, 3) and (tensor == array.flat[0]).all()
    np.testing.assert_array_equal(
        paths_to_tensor([array, array], (6, 5), progress=False)[1:], tensor
    )


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((6, 5, 3), 0.5), "values from 0.5 to 0.5; expected 0 to 255"),
        (np.ones((6, 5, 3), bool), "values from 1 to 1"),
        (np.full((6, 5, 3), 300), "values from 300 to 300"),
        (np.full((6, 5, 3), -1), "values from -1 to -1"),
        (np.full((6, 5, 3), np.nan), "values from nan"),
        (np.zeros((6, 5, 1)), r"shape \(6, 5, 1\).*expected \(height, width, 3\)"),
        (np.zeros((3, 6, 5)), r"shape \(3, 6, 5\)"),
        (np.zeros((1, 6, 5, 3)), r"shape \(1, 6, 5, 3\)"),
        (np.zeros((0, 5, 3)), "no pixels"),
        (np.full((6, 5, 3), 1j), "complex"),
    ],
)
def test_other_arrays_are_refused_and_described(array, message):
    with pytest.raises(BadImagesError, match=message):
        path_to_tensor(array)


def transparent(mode: str) -> bytes:
    """A red half next to a transparent one, stored in three ways."""
    image = Image.new("RGBA", (20, 10), (*RED, 255))
    image.paste((0, 0, 0, 0), (10, 0, 20, 10))
    if mode == "RGBA":
        return encode(image, "PNG")
    if mode == "P":
        return encode(image.quantize(4), "PNG")
    plain = Image.new("RGB", (20, 10), RED)
    plain.paste((0, 0, 0), (10, 0, 20, 10))
    return encode(plain, "PNG", transparency=(0, 0, 0))


@pytest.mark.parametrize("mode", ["RGBA", "P", "RGB with a transparent colour"])
def test_transparency_is_composited_onto_white(mode):
    tensor = path_to_tensor(transparent(mode), (10, 20))
    np.testing.assert_allclose(tensor[0, 5, [5, 15]], [RED, WHITE], atol=1)


def test_a_transparent_16_bit_grey_is_composited():
    grey = Image.fromarray(np.repeat(np.array([[1000, 40000]], np.uint16), 4, axis=1))
    tensor = path_to_tensor(encode(grey, "PNG", transparency=1000), (1, 8))
    assert tensor[0, 0, [1, 6], 0].tolist() == [255, 155]


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_animation_gives_its_first_frame(file_format):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN, BLUE)]
    file = encode(frames[0], file_format, save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(path_to_tensor(file, (4, 4))[0, 0, 0], RED, atol=6)


# ---------------------------------------------------------------- orientation, large images


SIDEWAYS = (5, 6, 7, 8)
TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,  # stored turned to the left: shown turned to the right
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def photographed(orientation: int, image: Image.Image, file_format: str) -> bytes:
    """The image as a camera held at another angle stores it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    if orientation in TO_UPRIGHT:
        image = image.transpose(TO_UPRIGHT[orientation])
    return encode(image, file_format, exif=exif)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("file_format", "side"), [("JPEG", 64), ("JPEG", 1600), ("PNG", 64), ("TIFF", 64), ("WEBP", 64)]
)
def test_exif_orientation_is_obeyed(orientation, file_format, side):
    image = corners(side, side * 3 // 4)
    file = photographed(orientation, image, file_format)
    tensor = path_to_tensor(file, (40, 60))
    np.testing.assert_allclose(quarters(tensor), [RED, GREEN, BLUE, WHITE], atol=6)


def test_thumbnails_are_upright_keep_proportions_and_name_all_bad_images():
    large = photographed(6, corners(1600, 1200), "JPEG")
    small = encode(corners(40, 20).convert("L"), "PNG")
    first, second = thumbnails([large, small], side=200)
    assert (first.size, second.size) == ((200, 150), (40, 20))
    np.testing.assert_allclose(quarters(np.asarray(first)[None])[1], GREEN, atol=6)
    with pytest.raises(BadImagesError) as caught:
        thumbnails([large, b"", small, b"text"], side=200)
    assert caught.value.paths == [b"", b"text"]


def test_meaningless_exif_data_do_not_spoil_the_image():
    file = encode(corners(), "JPEG", exif=b"Exif\0\0no orientation in here")
    np.testing.assert_allclose(quarters(path_to_tensor(file))[0], RED, atol=6)


def test_large_jpeg_is_decoded_at_reduced_scale_with_nearly_the_same_result(monkeypatch):
    generator = np.random.default_rng(0)
    noise = Image.fromarray(generator.integers(0, 256, (30, 40, 3), np.uint8))
    photograph = noise.resize((4000, 3000), Image.Resampling.BICUBIC)
    full = photograph.resize((150, 150), Image.Resampling.BILINEAR)
    file = encode(photograph, "JPEG", quality=95)
    sizes, resize = [], Image.Image.resize
    monkeypatch.setattr(
        Image.Image, "resize", lambda self, *how: sizes.append(self.size) or resize(self, *how)
    )
    tensor = path_to_tensor(file, (150, 150))
    assert sizes == [(500, 375)]
    assert np.abs(tensor - np.asarray(full)).mean() < 2


# ---------------------------------------------------------------- damage


@pytest.fixture
def damaged(folder):
    """A dictionary of broken files: path -> what the message says of it."""
    photograph = encode(Image.effect_noise((200, 200), 60), "JPEG")
    contents = {
        "empty.jpg": (b"", "is empty"),
        "text.jpg": (b"<html>404 Not Found</html>", "is not an image"),
        "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC image.*save it as JPEG"),
        "head.png": (b"\x89PNG\r\n\x1a\n", "is not an image"),
        "broken_off.jpg": (photograph[:3000], "truncated"),
        "program.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not an image"),
        "bomb.png": (bomb(), "over 64 megapixels"),
    }
    reasons = {}
    for name, (content, reason) in contents.items():
        (folder / name).write_bytes(content)
        reasons[folder / name] = reason
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    return reasons | {
        folder / "folder.jpg": "is a folder",
        folder / "pipe.jpg": "is not a file but a pipe or a device",
        folder / "gone.jpg": "does not exist",
    }


def bomb() -> bytes:
    """A small PNG file that claims 10¹⁰ pixels."""
    size = (100_000).to_bytes(4, "big")
    small = encode(Image.new("1", (8, 8)), "PNG")
    head = b"IHDR" + size + size + small[24:29]
    return small[:12] + head + zlib.crc32(head).to_bytes(4, "big") + small[33:]


def test_one_error_names_every_offender_with_its_reason(folder, damaged):
    paths = sorted({*folder.iterdir(), *damaged})
    with pytest.raises(BadImagesError) as caught:
        paths_to_tensor(paths, (8, 8), progress=False)
    message = str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert caught.value.paths == sorted(damaged)
    assert f"{len(damaged)} of {len(paths)} images cannot be read" in message
    assert "skip_bad=True" in message
    for path, reason in damaged.items():
        line = next(line for line in message.splitlines() if str(path) in line)
        assert re.search(reason, line)
    assert "00.png" not in message


def gif(screen: tuple[int, int], frame: tuple[int, int]) -> bytes:
    """A GIF whose header claims these sizes."""
    file = bytearray(encode(Image.new("P", (8, 8), 1), "GIF"))
    place = file.index(b"\x2c\0\0\0\0")
    file[6:10], file[place + 5 : place + 9] = (
        struct.pack("<2H", *screen),
        struct.pack("<2H", *frame),
    )
    return bytes(file)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (gif((65535, 65535), (8, 8)), "over 64 megapixels"),
        (gif((8, 8), (65535, 65535)), "over 64 megapixels"),
        (gif((8001, 8001), (8, 8)), "over 64 megapixels"),
        (gif((8, 8), (0, 0)), "cannot be decoded"),
        (gif((0, 0), (0, 0)), "is not an image"),
        (Image.new("RGB", (0, 5)), "no pixels"),
    ],
)
def test_sizes_that_are_absurd_are_refused(file, message):
    with pytest.raises(BadImagesError, match=message):
        path_to_tensor(file, (8, 8))


def test_what_the_machine_cannot_do_is_not_blamed_on_the_image(folder, monkeypatch):
    path = folder / "00.png"
    for error in (PermissionError(13, "Permission denied"), OSError(24, "Too many open files")):

        def fail(self, mode, error=error):
            raise type(error)(*error.args, str(self))

        with monkeypatch.context() as patch, pytest.raises(type(error), match="00.png"):
            patch.setattr(type(path), "open", fail)
            paths_to_tensor([path] * 3, skip_bad=True, progress=False)

    def no_memory(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(Image, "open", no_memory)
    for read in (path_to_tensor, lambda path: thumbnails([path], 8)):
        with pytest.raises(MemoryError) as caught:
            read(path)
        assert caught.value.__notes__ == [f"while reading {path}"]


def test_an_image_that_vanishes_or_is_cut_while_it_is_read_is_named(folder, monkeypatch):
    gone, cut = folder / "00.png", folder / "01.bmp"
    Image.new("RGB", (300, 300)).save(cut)
    opened = Image.open

    def disturbed(file, formats):
        (gone.unlink() if file.name == str(gone) else os.truncate(cut, 60))
        return opened(file, formats=formats)

    monkeypatch.setattr(Image, "open", disturbed)
    assert path_to_tensor(gone).shape == (1, 224, 224, 3)  # an open file can be read to its end
    with pytest.raises(BadImagesError, match="01.bmp: cannot be decoded: .*truncated"):
        path_to_tensor(cut)
    with pytest.raises(BadImagesError, match="00.png: does not exist"):
        path_to_tensor(gone)


@pytest.mark.parametrize("path", ["a\0b.jpg", "00.png/inside.jpg"])
def test_paths_that_cannot_exist_do_not(path, folder):
    with pytest.raises(BadImagesError, match="does not exist"):
        path_to_tensor(folder / path)


def test_an_old_pillow_is_named_and_no_image_blamed(monkeypatch):
    runpy.run_path(tensors.__file__)
    monkeypatch.setattr(PIL, "__version__", "9.5.0")
    with pytest.raises(ImportError, match="Pillow 9.5.0 is too old.*pillow>=11.2"):
        runpy.run_path(tensors.__file__)


def test_skipping_reports_and_leaves_the_rest_in_order(folder, damaged):
    paths = sorted({*folder.iterdir(), *damaged})
    with pytest.warns(UserWarning, match="broken_off.jpg"):
        tensor, kept = paths_to_tensor(paths, (8, 8), skip_bad=True, progress=False)
    good = [path for path in paths if path not in damaged]
    assert [path for path, keep in zip(paths, kept, strict=True) if keep] == good
    np.testing.assert_array_equal(tensor, paths_to_tensor(good, (8, 8), progress=False))


def test_skipping_where_nothing_is_wrong_keeps_all_and_is_silent(folder, recwarn):
    tensor, kept = paths_to_tensor(folder.iterdir(), (8, 8), skip_bad=True, progress=False)
    assert kept.dtype == bool and kept.all() and len(kept) == len(tensor) == 20
    assert not recwarn.list


def test_skipping_where_all_is_wrong_leaves_an_empty_tensor(damaged):
    with pytest.warns(UserWarning, match="10 of 10"):
        tensor, kept = paths_to_tensor(damaged, (8, 8), skip_bad=True, progress=False)
    assert tensor.shape == (0, 8, 8, 3) and not kept.any()


def test_one_broken_image_is_named_without_advice_for_many():
    with pytest.raises(BadImagesError, match="image of 4 bytes: is not an image") as caught:
        path_to_tensor(b"text")
    assert "skip_bad" not in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMATS), st.integers(0, 600), st.binary(min_size=1, max_size=8))
def test_damaged_bytes_give_a_tensor_or_the_one_error(file_format, position, junk):
    file = bytearray(encode(corners(16, 16), file_format))
    file[position : position + len(junk)] = junk
    try:
        assert path_to_tensor(bytes(file), (8, 8)).shape == (1, 8, 8, 3)
    except BadImagesError as error:
        assert error.paths == [bytes(file)]


# ---------------------------------------------------------------- memory


MEASURE = """
import resource, sys
from pathlib import Path
from course_utils.tensors import paths_to_tensor

def peak():
    status = Path("/proc/self/status")
    if status.exists():  # on Linux, ru_maxrss starts from the peak of the process that forked
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

paths = sorted(Path(sys.argv[1]).iterdir())
paths_to_tensor(paths[:4], (8, 8), progress=False)  # decoders loaded, threads started
before = peak()
tensor, kept = paths_to_tensor(paths, (224, 224), skip_bad=True, progress=False)
print((peak() - before) / (len(paths) * 224 * 224 * 3 * 4))
"""


@pytest.mark.parametrize("broken", [0, 1])
def test_peak_memory_is_little_more_than_the_array(tmp_path, broken):
    pytest.importorskip("resource", reason="Windows does not tell a process's peak memory")
    photograph = encode(Image.effect_noise((400, 300), 60).convert("RGB"), "JPEG")
    for number in range(400):
        (tmp_path / f"{number:03}.jpg").write_bytes(photograph)
    if broken:
        (tmp_path / "200.jpg").write_bytes(b"")
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEASURE, tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )
    ratio = float(run.stdout)
    assert 0.9 < ratio <= 1.15, "share of the array; below 0.9 nothing was measured"


def test_large_images_are_decoded_one_at_a_time(monkeypatch):
    large = encode(Image.new("RGBA", (2100, 2000), RED), "PNG", compress_level=1)
    small = encode(Image.new("RGBA", (1900, 2000), RED), "PNG", compress_level=1)
    photograph = encode(Image.new("RGB", (2100, 2000), RED), "JPEG")
    progressive = encode(Image.new("RGB", (2100, 2000), RED), "JPEG", progressive=True)
    by_thread, decode = {True: [], False: []}, tensors._upright

    def watch(image, *rest):
        alone = threading.current_thread() is threading.main_thread()
        by_thread[alone].append((image.format, "progressive" in image.info))
        return decode(image, *rest)

    monkeypatch.setattr(tensors, "_upright", watch)
    tensor = paths_to_tensor([large, small, photograph, progressive], (8, 8), progress=False)
    assert np.abs(tensor - RED).max() < 3
    assert by_thread[True] == [("PNG", False), ("JPEG", True)]
    assert sorted(by_thread[False]) == [("JPEG", False), ("PNG", False)]


# ---------------------------------------------------------------- the real photographs


@pytest.fixture
def mirror():
    if current_edition().mirror is None:
        pytest.skip("the photographs are not here: set COURSE_MIRROR")
    return current_edition().mirror


def test_real_photographs_are_read_and_the_large_ones_upright(mirror):
    paths = sorted((mirror / "sign_language_digits" / "train").rglob("*.[jJ][pP]*[gG]"))
    large = [path for path in paths if max(Image.open(path).size) > 1000]
    assert len(paths) > 1700 and large
    tensor = paths_to_tensor([*large, *paths[:200]], (64, 64), progress=False)
    assert tensor.shape[1:] == (64, 64, 3)
    for row, path in zip(tensor, large, strict=False):
        with Image.open(path) as image:
            assert image.getexif()[0x0112] == 6
            upright = image.transpose(Image.Transpose.ROTATE_270).resize((64, 64), 2)
        assert np.abs(row - np.asarray(upright)).mean() < 3
