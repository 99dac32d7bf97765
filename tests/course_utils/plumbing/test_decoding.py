"""Every format and colour mode, damage, and files that lie about their size."""

import os
import runpy
import struct

import numpy as np
import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sample_images import BLUE, GREEN, RED, WHITE, corners, encode, photographed, quarters

from course_utils.plumbing import decoding
from course_utils.plumbing.decoding import FORMATS
from course_utils.tensors import BadImagesError, path_to_tensor, paths_to_tensor, thumbnails


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


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("file_format", "side"), [("JPEG", 64), ("JPEG", 1600), ("PNG", 64), ("TIFF", 64), ("WEBP", 64)]
)
def test_exif_orientation_is_obeyed(orientation, file_format, side):
    image = corners(side, side * 3 // 4)
    file = photographed(orientation, image, file_format)
    tensor = path_to_tensor(file, (40, 60))
    np.testing.assert_allclose(quarters(tensor), [RED, GREEN, BLUE, WHITE], atol=6)


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


def test_what_the_machine_cannot_do_is_not_blamed_on_the_image(tmp_path, monkeypatch):
    path = tmp_path / "00.png"
    Image.new("RGB", (8, 8)).save(path)
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


def test_an_image_that_vanishes_or_is_cut_while_it_is_read_is_named(tmp_path, monkeypatch):
    gone, cut = tmp_path / "00.png", tmp_path / "01.bmp"
    for path in (gone, cut):
        Image.new("RGB", (300, 300)).save(path)
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
def test_paths_that_cannot_exist_do_not(path, tmp_path):
    (tmp_path / "00.png").touch()
    with pytest.raises(BadImagesError, match="does not exist"):
        path_to_tensor(tmp_path / path)


def test_an_old_pillow_is_named_and_no_image_blamed(monkeypatch):
    runpy.run_path(decoding.__file__)
    monkeypatch.setattr(PIL, "__version__", "9.5.0")
    with pytest.raises(ImportError, match="Pillow 9.5.0 is too old.*pillow>=11.2"):
        runpy.run_path(decoding.__file__)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMATS), st.integers(0, 600), st.binary(min_size=1, max_size=8))
def test_damaged_bytes_give_a_tensor_or_the_one_error(file_format, position, junk):
    file = bytearray(encode(corners(16, 16), file_format))
    file[position : position + len(junk)] = junk
    try:
        assert path_to_tensor(bytes(file), (8, 8)).shape == (1, 8, 8, 3)
    except BadImagesError as error:
        assert error.paths == [bytes(file)]
