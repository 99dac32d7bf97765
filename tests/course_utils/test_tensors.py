"""Images to tensors: shape, order, memory, and one error that names every bad image."""

import io
import os
import re
import subprocess
import sys
import threading
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sample_images import BLUE, GREEN, RED, WHITE, corners, encode, photographed, quarters

from course_utils.editions import current_edition
from course_utils.plumbing import decoding
from course_utils.tensors import BadImagesError, path_to_tensor, paths_to_tensor, thumbnails


@pytest.fixture
def folder(tmp_path):
    """Twenty images of different sizes, each in its own grey."""
    for number in range(20):
        Image.new("RGB", (30 + number, 90 - number), (number * 12,) * 3).save(
            tmp_path / f"{number:02}.png"
        )
    return tmp_path


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


def test_thumbnails_are_upright_keep_proportions_and_name_all_bad_images():
    large = photographed(6, corners(1600, 1200), "JPEG")
    small = encode(corners(40, 20).convert("L"), "PNG")
    first, second = thumbnails([large, small], side=200)
    assert (first.size, second.size) == ((200, 150), (40, 20))
    np.testing.assert_allclose(quarters(np.asarray(first)[None])[1], GREEN, atol=6)
    with pytest.raises(BadImagesError) as caught:
        thumbnails([large, b"", small, b"text"], side=200)
    assert caught.value.paths == [b"", b"text"]


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
    by_thread, decode = {True: [], False: []}, decoding._to_rgb

    def watch(image, *rest):
        alone = threading.current_thread() is threading.main_thread()
        by_thread[alone].append((image.format, "progressive" in image.info))
        return decode(image, *rest)

    monkeypatch.setattr(decoding, "_to_rgb", watch)
    tensor = paths_to_tensor([large, small, photograph, progressive], (8, 8), progress=False)
    assert np.abs(tensor - RED).max() < 3
    assert by_thread[True] == [("PNG", False), ("JPEG", True)]
    assert sorted(by_thread[False]) == [("JPEG", False), ("PNG", False)]


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
