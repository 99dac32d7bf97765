import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from skimage import data  # noqa: F401, the code of the photographs uses it

from course_utils.tensors import BadImagesError
from course_utils.widgets.parts.picture_chooser import (
    MAX_BYTES,
    PHOTOGRAPHS,
    SIDE,
    PictureChooser,
    as_pixels,
    data_url,
    photographs,
)

RED = np.full((40, 60, 3), (255, 0, 0), np.uint8)


def image(size=(60, 40), kind="JPEG", colour="blue", mode="RGB", **options):
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, kind, **options)
    return file.getvalue()


def test_own_image_is_chosen_beside_the_examples():
    chooser, seen = PictureChooser({"red": RED}), []
    chooser.on_change(lambda: seen.append(chooser.name))
    chooser.give("blue.png", image(kind="PNG"))
    assert seen == ["blue.png"]
    assert (chooser.pixels == (0, 0, 255)).all()
    chooser.dropdown.value = "red"
    assert seen == ["blue.png", "red"]
    assert (chooser.pixels == RED).all()
    assert chooser.dropdown.options == ("red", "blue.png")


def test_own_image_takes_the_place_of_another_example_in_one_step():
    """New options alone would choose the first of them on the way."""
    chooser, seen, sent = PictureChooser({"red": RED, "grey": RED}), [], []
    chooser.dropdown.value = "grey"
    chooser.on_change(lambda: seen.append(chooser.name))
    chooser.dropdown.send_state = lambda keys: sent.append(set(keys))
    chooser.give("blue.png", image(kind="PNG"))
    assert seen == ["blue.png"]
    assert len(sent) == 1 and {"index", "_options_labels"} <= sent[0]


def test_source_is_what_was_given_so_that_code_can_read_the_same():
    chooser = PictureChooser({"red": RED})
    assert chooser.source is RED
    content = image(kind="PNG")
    chooser.give("blue.png", content)
    assert chooser.source == content


def test_another_image_of_the_same_name_takes_its_place():
    chooser, seen = PictureChooser({"red": RED}), []
    chooser.on_change(lambda: seen.append(chooser.pixels[0, 0].tolist()))
    chooser.give("mine.png", image(kind="PNG"))
    chooser.give("mine.png", image(kind="PNG", colour="lime"))
    chooser.give("red", image(kind="PNG", colour="white"))
    assert seen == [[0, 0, 255], [0, 255, 0], [255, 255, 255]]
    assert chooser.dropdown.options == ("red", "mine.png")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7 not a picture", "is not an image"),
        (image()[:200], "not an image|cannot be decoded"),
        (image((400, 400), "PNG")[:-600], "cannot be decoded"),
        (image((10_000, 7_000), colour=0, mode="L"), "over 64 megapixels"),
        (image((14_000, 14_000), "PNG", colour=0, mode="1"), "over 64 megapixels"),
    ],
    ids=["empty", "wrong type", "header only", "truncated", "70 megapixels", "bomb"],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bad_file_gets_a_message_and_the_last_image_stays(content, message):
    chooser, seen = PictureChooser({"red": RED}), []
    chooser.on_change(lambda: seen.append(chooser.name))
    chooser.give("bad<i>.jpg", content)
    assert re.search(message, chooser._status.value)
    assert "bad&lt;i&gt;.jpg" in chooser._status.value
    assert "The previous picture stays." in chooser._status.value
    assert (seen, chooser.name) == ([], "red")
    assert (chooser.pixels == RED).all()
    chooser.give("good.png", image(kind="PNG"))
    assert (seen, chooser._status.value) == (["good.png"], "")


def test_file_that_the_page_did_not_send_for_its_size_gets_a_message():
    chooser = PictureChooser({"red": RED})
    chooser._on_message(None, {"name": "huge.png", "too_large": 2 * MAX_BYTES}, [])
    assert "huge.png has 20 MB" in chooser._status.value
    assert chooser.name == "red"


def test_message_of_the_page_gives_the_image():
    chooser = PictureChooser({"red": RED})
    chooser._on_message(None, {"name": "blue.png"}, [memoryview(image(kind="PNG"))])
    assert chooser.name == "blue.png"


def test_image_keeps_its_proportions_and_is_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    for content, shape in (
        (image((960, 480)), (SIDE // 2, SIDE, 3)),
        (image((960, 480), exif=exif), (SIDE, SIDE // 2, 3)),
        (image((1000, 1)), (1, SIDE, 3)),
        (image((30, 20)), (20, 30, 3)),
    ):
        assert as_pixels(content).shape == shape
    with pytest.raises(BadImagesError, match="b.jpg is empty"):
        as_pixels(b"", "b.jpg")


def test_photographs_come_with_scikit_image_and_the_code_gives_the_same():
    for name, photograph in photographs().items():
        assert photograph.dtype == np.uint8 and photograph.shape[2] == 3
        assert (eval(PHOTOGRAPHS[name]) == photograph).all()


def test_address_holds_the_image():
    start, content = data_url(RED, "PNG").split(",")
    assert start == "data:image/png;base64"
    assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))) == RED).all()
