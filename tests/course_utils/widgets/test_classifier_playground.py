import asyncio
import io
import re

import keras
import numpy as np
import pytest
from PIL import Image
from skimage import data

from course_utils.backbones import load_backbone
from course_utils.explain import occlude
from course_utils.tensors import path_to_tensor
from course_utils.widgets.classifier_playground import (
    CELLS,
    FORGOTTEN,
    MEAN_LEFT,
    SWAPPED,
    WIDTHS,
    ClassifierPlayground,
)
from course_utils.widgets.parts.occlusion import occlusion_map

CAT = path_to_tensor(data.chelsea(), (64, 64))


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("minivgg", include_top=True)


@pytest.fixture
def playground(backbone):
    return ClassifierPlayground(backbone)


def expected(backbone, ready):
    """What Keras says, without anything of the course between."""
    probabilities = backbone.model.predict(ready, verbose=0)[0]
    best = probabilities.argsort()[::-1][:5]
    return [(backbone.labels[i], pytest.approx(float(probabilities[i]), abs=1e-6)) for i in best]


def preprocess(pixels):
    return keras.applications.vgg16.preprocess_input(np.array(pixels))


def results_of(code, **names):
    exec(code, names)
    return names


def png(colour="green", size=(640, 400)):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def test_first_image_is_answered_as_keras_does(playground, backbone):
    assert playground.answers == expected(backbone, preprocess(CAT))
    assert "cat, correctly preprocessed, nothing covered" in playground._status.value
    label, share = playground.answers[0]
    assert f"The first answer is {label} with {share:.1%}." in str(playground)
    assert f'aria-label="{label}: {share:.1%}"' in playground._bars.value


MEAN = np.array([103.939, 116.779, 123.68], "float32")  # of ImageNet: blue, green, red


@pytest.mark.parametrize(
    ("ticked", "ready"),
    [
        ([SWAPPED], preprocess(CAT[..., ::-1])),
        ([MEAN_LEFT], preprocess(CAT) + MEAN),
        ([FORGOTTEN], CAT),
        ([SWAPPED, MEAN_LEFT], CAT),
        ([SWAPPED, FORGOTTEN], CAT[..., ::-1]),
    ],
)
def test_mistakes_give_what_keras_gives_for_them(playground, backbone, ticked, ready):
    for name in ticked:
        playground.mistakes[name].value = True
    assert playground.answers == expected(backbone, ready)
    assert all(name in playground._status.value for name in ticked)
    for name in ticked:
        playground.mistakes[name].value = False
    assert playground.answers == expected(backbone, preprocess(CAT))


def test_without_preprocessing_there_is_no_mean_to_leave_in(playground, backbone):
    playground.mistakes[MEAN_LEFT].value = True
    playground.mistakes[FORGOTTEN].value = True
    assert playground.mistakes[MEAN_LEFT].disabled
    assert MEAN_LEFT not in playground._status.value
    assert playground.answers == expected(backbone, CAT)
    playground.mistakes[FORGOTTEN].value = False
    assert not playground.mistakes[MEAN_LEFT].disabled
    assert playground.answers == expected(backbone, preprocess(CAT) + MEAN)


def test_mobilenet_s_mistakes(monkeypatch):
    mobilenet = load_backbone("mobilenet_v2", include_top=True, weights=False)
    object.__setattr__(mobilenet, "labels", [str(i) for i in range(1000)])
    playground = ClassifierPlayground(mobilenet)
    pixels = path_to_tensor(data.chelsea(), (224, 224))
    playground.mistakes[MEAN_LEFT].value = True
    assert playground.answers == expected(mobilenet, pixels / 127.5)
    playground.row.value = 3
    covered = occlude(pixels, 35, 7 * 14 + 7, size=70)
    assert playground.answers == expected(mobilenet, covered / 127.5)


def test_patch_follows_grid_sliders_and_fields(playground, backbone):
    assert (playground.grid.row, playground.grid.column) == (-1, -1)
    playground.grid.choose(2, 9)
    assert playground.size.value == 20, "a patch where there was none"
    assert (playground.row.value, playground.column.value) == (3, 10)
    patch = CAT.copy()
    patch[:, 0:20, 28:48] = 127
    assert playground.answers == expected(backbone, preprocess(patch))
    assert "around row 3, column 10" in playground._status.value
    playground.row.field.value = 16
    assert (playground.row.slider.value, playground.grid.row) == (16, 15)
    playground.column.slider.value = 1
    playground.size.value = 28
    patch = CAT.copy()
    patch[:, 48:64, 0:16] = 127
    assert playground.answers == expected(backbone, preprocess(patch))
    playground.size.value = 0
    assert playground.answers == expected(backbone, preprocess(CAT))
    assert (playground.grid.row, playground.grid.column) == (-1, -1)


def test_a_choice_on_the_grid_asks_the_network_once(playground, monkeypatch):
    calls = []
    look = playground._look
    monkeypatch.setattr(playground, "_look", lambda: (calls.append(1), look()))
    playground.grid.choose(5, 6)
    assert len(calls) == 1
    playground.grid.choose(6, 6)
    assert len(calls) == 2


def test_words_say_what_covering_does(playground):
    share = dict(playground.answers)["Egyptian cat"]
    playground.grid.choose(7, 6)
    left = float(playground._now[playground.backbone.labels.index("Egyptian cat")])
    verb = "falls" if left < share else "rises"
    assert f"Egyptian cat {verb} from {share:.1%} to {left:.1%}." in playground._status.value


def test_patch_lies_in_the_page_where_the_network_sees_it(playground):
    playground.grid.choose(4, 4)
    image = playground._image()
    width, height = playground.grid.cell_size
    grey = (image == 127).all(axis=2)
    rows, columns = np.flatnonzero(grey.mean(axis=1) > 0.2), np.flatnonzero(grey.mean(axis=0) > 0.2)
    assert (rows.min(), rows.max() + 1) == (2 * height, 7 * height)
    assert (columns.min(), columns.max() + 1) == (2 * width, 7 * width)
    assert image.shape[:2] == (CELLS * height, CELLS * width)


def test_whole_map_is_that_of_keras(playground, backbone):
    playground.button.click()
    assert playground.size.value == 20, "the map needs a patch"

    def predict(pixels):
        return backbone.model.predict(preprocess(pixels), verbose=0)

    number = predict(CAT)[0].argmax()
    found = occlusion_map(predict, CAT, number, size=20, step=4)
    assert np.allclose(playground.map, found, atol=1e-5)
    row, column = np.unravel_index(found.argmin(), found.shape)
    assert f"around row {row + 1}, column {column + 1}." in playground._map_status.value
    label = playground.grid.cells[row][column]["label"]
    assert label == f"row {row + 1}, column {column + 1}: {found.min():.1%} where it is covered"
    assert "The occlusion map lies on the picture" in str(playground)


@pytest.mark.parametrize("change", ["mistake", "size", "picture"])
def test_map_goes_when_it_is_no_longer_true(playground, change):
    playground.button.click()
    playground.grid.choose(1, 1)
    assert playground.map is not None, "another place of the patch leaves the map true"
    if change == "mistake":
        playground.mistakes[SWAPPED].value = True
    elif change == "size":
        playground.size.value = 12
    else:
        playground.chooser.dropdown.value = "coffee"
    assert playground.map is None
    assert playground._map_status.value == ""
    assert playground.grid.cells[0][0] == {"label": "row 1, column 1"}


def test_map_that_was_stopped_is_not_shown(playground):
    async def start_and_change_something():
        playground.button.click()
        while not playground.task.bar.value:
            await asyncio.sleep(0)
        playground.mistakes[SWAPPED].value = True
        await playground.task._task

    asyncio.run(start_and_change_something())
    assert playground.map is None
    assert re.fullmatch(r"Stopped. \d+ of 16 rows done.", playground.task.said)


@pytest.mark.parametrize(
    ("mistakes", "covered"),
    [
        ([], False),
        ([], True),
        ([SWAPPED], True),
        ([MEAN_LEFT], False),
        ([FORGOTTEN], False),
        ([SWAPPED, MEAN_LEFT], True),
    ],
)
def test_shown_code_gives_the_shown_numbers(playground, backbone, mistakes, covered, capsys):
    for name in mistakes:
        playground.mistakes[name].value = True
    if covered:
        playground.grid.choose(0, 13)
    names = results_of(playground.code, backbone=backbone)
    for label, share in playground.answers:
        assert names["probabilities"][backbone.labels.index(label)] == pytest.approx(
            share, abs=1e-6
        )
    printed = capsys.readouterr().out.splitlines()
    assert [line.split("%  ")[1] for line in printed] == [label for label, _ in playground.answers]


def test_shown_code_runs_alone_and_gives_the_map():
    playground = ClassifierPlayground()
    playground.mistakes[SWAPPED].value = True
    playground.size.value = 28
    playground.button.click()
    names = results_of(playground.code)
    assert np.allclose(names["found"], playground.map, atol=1e-5)


def test_own_image_is_answered_and_its_code_reads_the_file(backbone, tmp_path, monkeypatch):
    playground = ClassifierPlayground(backbone)
    content = png()
    playground.chooser.give("my own.png", content)
    (tmp_path / "my own.png").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    assert playground.answers == expected(backbone, preprocess(path_to_tensor(content, (64, 64))))
    names = results_of(playground.code, backbone=backbone)
    assert names["probabilities"].max() == pytest.approx(playground.answers[0][1], abs=1e-6)


def test_bad_file_leaves_image_and_answers(playground):
    before = playground.answers, playground.grid.background
    playground.chooser.give("x.jpg", b"nothing")
    assert "x.jpg is not an image" in playground.chooser._status.value
    assert (playground.answers, playground.grid.background) == before


def test_examples_of_one_s_own(backbone):
    examples = {"tall <b>": np.zeros((900, 3, 3), np.uint8), "cat": data.chelsea()}
    playground = ClassifierPlayground(backbone, examples=examples)
    assert "tall &lt;b&gt;" in playground._status.value
    names = results_of(playground.code, backbone=backbone, examples=examples)
    assert names["probabilities"].max() == pytest.approx(playground.answers[0][1], abs=1e-6)
    playground.grid.choose(15, 15)
    assert min(playground.grid.cell_size) >= 6


def test_network_without_a_classifier_is_refused():
    with pytest.raises(ValueError, match="include_top=True"):
        ClassifierPlayground(load_backbone("minivgg"))


def test_two_panels_do_not_touch_each_other_or_the_network(backbone):
    before = [weight.copy() for weight in backbone.model.get_weights()]
    first, second = ClassifierPlayground(backbone), ClassifierPlayground(backbone)
    first.mistakes[FORGOTTEN].value = True
    first.grid.choose(1, 1)
    assert second.answers == expected(backbone, preprocess(CAT))
    assert second.size.value == 0
    after = backbone.model.get_weights()
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


def test_image_and_words_are_there_without_a_kernel(playground):
    playground.grid.choose(7, 7)
    bundle = playground._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert re.search(r'<img alt="ClassifierPlayground', bundle["text/html"])
    assert "covered around row 8, column 8" in bundle["text/plain"]
    assert "covered[:, 20:40, 20:40] = 127" in bundle["text/plain"]


def test_widths_of_the_patch_cover_whole_cells():
    assert all(width % 2 for width in WIDTHS)
