"""Image files to tensors: every kind of file, every kind of damage, order, memory."""

import io
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from course_utils.editions import current_edition
from course_utils.tensors import BadImagesError, path_to_tensor, paths_to_tensor, thumbnails

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encode(image: Image.Image, file_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def corners(width: int = 64, height: int = 48) -> Image.Image:
    """A picture with another colour in each quarter: red, green / blue, white."""
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
    """Twenty pictures of different sizes, each of one grey of its own."""
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


def test_order_does_not_depend_on_which_picture_is_decoded_first():
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
def test_a_size_that_is_no_pair_is_refused(size):
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


# ---------------------------------------------------------------- what a picture can come as


def test_path_text_content_and_open_picture_give_the_same(tmp_path):
    path = tmp_path / "corners.png"
    corners().save(path)
    expected = path_to_tensor(path, (20, 20))
    content = path.read_bytes()
    for source in (str(path), content, bytearray(content), memoryview(content), corners()):
        np.testing.assert_array_equal(path_to_tensor(source, (20, 20)), expected)


def test_a_picture_that_is_open_is_left_as_it_is():
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


def test_pixels_of_unknown_range_are_refused():
    for pixels in (np.full((4, 4), 0.5, np.float32), np.full((4, 4), 2**20, np.int32)):
        with pytest.raises(BadImagesError, match="more than 16 bits"):
            path_to_tensor(encode(Image.fromarray(pixels), "TIFF"))


def transparent(mode: str) -> bytes:
    """A red half beside a half that nothing covers, said in three ways."""
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
def test_what_is_transparent_is_laid_on_white(mode):
    tensor = path_to_tensor(transparent(mode), (10, 20))
    np.testing.assert_allclose(tensor[0, 5, [5, 15]], [RED, WHITE], atol=1)


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_animation_gives_its_first_frame(file_format):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN, BLUE)]
    file = encode(frames[0], file_format, save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(path_to_tensor(file, (4, 4))[0, 0, 0], RED, atol=6)


# ---------------------------------------------------------------- orientation, large pictures


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


def photographed(orientation: int, picture: Image.Image, file_format: str) -> bytes:
    """The picture as a camera held otherwise stores it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    if orientation in TO_UPRIGHT:
        picture = picture.transpose(TO_UPRIGHT[orientation])
    return encode(picture, file_format, exif=exif)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("file_format", "side"), [("JPEG", 64), ("JPEG", 1600), ("PNG", 64), ("TIFF", 64), ("WEBP", 64)]
)
def test_exif_orientation_is_obeyed(orientation, file_format, side):
    picture = corners(side, side * 3 // 4)
    file = photographed(orientation, picture, file_format)
    tensor = path_to_tensor(file, (40, 60))
    np.testing.assert_allclose(quarters(tensor), [RED, GREEN, BLUE, WHITE], atol=6)


def test_thumbnails_are_upright_keep_their_proportions_and_name_all_that_is_broken():
    large = photographed(6, corners(1600, 1200), "JPEG")
    small = encode(corners(40, 20).convert("L"), "PNG")
    first, second = thumbnails([large, small], side=200)
    assert (first.size, second.size) == ((200, 150), (40, 20))
    np.testing.assert_allclose(quarters(np.asarray(first)[None])[1], GREEN, atol=6)
    with pytest.raises(BadImagesError) as caught:
        thumbnails([large, b"", small, b"text"], side=200)
    assert caught.value.paths == [b"", b"text"]


def test_exif_data_that_make_no_sense_do_not_spoil_the_picture():
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
        "text.jpg": (b"<html>404 Not Found</html>", "is not a picture"),
        "head.png": (b"\x89PNG\r\n\x1a\n", "is not a picture"),
        "broken_off.jpg": (photograph[:3000], "truncated"),
        "program.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture"),
        "bomb.png": (bomb(), "decompression bomb"),
    }
    reasons = {}
    for name, (content, reason) in contents.items():
        (folder / name).write_bytes(content)
        reasons[folder / name] = reason
    (folder / "folder.jpg").mkdir()
    return reasons | {folder / "folder.jpg": "is a folder", folder / "gone.jpg": "does not exist"}


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
    assert f"{len(damaged)} of {len(paths)} picture(s) cannot be read" in message
    assert "skip_bad=True" in message
    for path, reason in damaged.items():
        line = next(line for line in message.splitlines() if str(path) in line)
        assert reason in line
    assert "00.png" not in message


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
    with pytest.warns(UserWarning, match="8 of 8"):
        tensor, kept = paths_to_tensor(damaged, (8, 8), skip_bad=True, progress=False)
    assert tensor.shape == (0, 8, 8, 3) and not kept.any()


def test_one_broken_picture_is_named_without_advice_for_many():
    with pytest.raises(BadImagesError, match="picture of 4 bytes: is not a picture") as caught:
        path_to_tensor(b"text")
    assert "skip_bad" not in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 600), st.binary(min_size=1, max_size=8))
def test_damaged_bytes_give_a_tensor_or_the_one_error(position, junk):
    file = bytearray(encode(corners(16, 16), "PNG"))
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
