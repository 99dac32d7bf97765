import re
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import confusion_matrix

from course_utils import show_images
from course_utils.datasets import Split
from course_utils.widgets.error_browser import PER_PAGE, ErrorBrowser, _shade

NAMES = ["cat", "dog", "bird <b>"]
COUNT = 120


@pytest.fixture(scope="module")
def answers():
    generator = np.random.default_rng(0)
    y_true = generator.integers(0, 3, COUNT)
    y_pred = generator.dirichlet([0.5] * 3, COUNT)
    y_pred[(y_true == 2) & (y_pred.argmax(axis=1) == 0)] = [0.1, 0.1, 0.8]  # one empty cell
    return y_true, y_pred


@pytest.fixture(scope="module")
def images():
    """Images whose brightness is their number, so that one sees which are shown."""
    return np.repeat(np.arange(COUNT, dtype="uint8"), 8 * 8 * 3).reshape(COUNT, 8, 8, 3) * 2


@pytest.fixture
def panel(answers, images):
    return ErrorBrowser(*answers, images, NAMES)


def rows_of(answers, true, predicted):
    y_true, y_pred = answers
    rows = [i for i in range(COUNT) if y_true[i] == true and y_pred[i].argmax() == predicted]
    return sorted(rows, key=lambda i: -y_pred[i].max())


def test_cells_hold_what_scikit_learn_counts(panel, answers):
    y_true, y_pred = answers
    expected = confusion_matrix(y_true, y_pred.argmax(axis=1))
    assert (panel.counts == expected).all()
    shown = [[int(cell["words"]) for cell in row] for row in panel.grid.cells]
    assert shown == expected.tolist()
    assert panel.grid.cells[0][1]["label"] == f"true cat, predicted dog: {expected[0, 1]}"


@pytest.mark.parametrize("cell", [(0, 0), (0, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("way", ["grid", "drop-downs"])
def test_cell_shows_its_images_the_most_confident_first(panel, answers, cell, way):
    if way == "grid":
        panel.grid.choose(*cell)
    else:
        panel.true.value, panel.predicted.value = cell
    assert (panel.grid.row, panel.grid.column) == cell
    assert (panel.true.value, panel.predicted.value) == cell
    expected = rows_of(answers, *cell)
    assert panel.rows.tolist() == expected
    assert panel.shown.tolist() == expected[:PER_PAGE]
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", panel._gallery.value)
    most = answers[1][expected[0]].max()
    assert captions[0].replace("&lt;b&gt;", "<b>") == (
        f"true {NAMES[cell[0]]}, predicted {NAMES[cell[1]]} {most:.1%}"
    )
    assert len(captions) == len(panel.shown)


def test_first_cell_is_the_most_frequent_error(panel):
    errors = panel.counts - np.diag(np.diag(panel.counts))
    assert errors[panel.true.value, panel.predicted.value] == errors.max()


def test_pages_go_on_and_begin_again(panel, answers):
    two_pages = (panel.counts > PER_PAGE) & (panel.counts <= 2 * PER_PAGE)
    cell = tuple(map(int, np.argwhere(two_pages)[0]))
    panel.grid.choose(*cell)
    expected = rows_of(answers, *cell)
    panel.next.click()
    assert panel.shown.tolist() == expected[PER_PAGE:]
    assert f"Here are {PER_PAGE + 1} to {len(expected)}" in panel._status.value
    panel.next.click()
    assert panel.shown.tolist() == expected[:PER_PAGE]
    panel.previous.click()
    panel.next.click()
    panel.grid.choose(0, 1)
    assert panel.shown.tolist() == rows_of(answers, 0, 1)[:PER_PAGE], "a cell begins at its first"


def test_empty_cell_is_said_in_words(panel):
    panel.grid.choose(2, 0)
    assert "bird &lt;b&gt; taken for cat: no picture" in panel._status.value
    assert panel._gallery.value == ""
    assert panel.next.disabled
    assert panel.draw() is not None


@pytest.mark.parametrize("cell", [(0, 0), (1, 0), (2, 0)])
@pytest.mark.parametrize("form", ["probabilities", "numbers", "one-hot"])
def test_shown_code_chooses_the_same_images(answers, images, cell, form):
    y_true, y_pred = answers
    if form == "numbers":
        y_pred = y_pred.argmax(axis=1).tolist()
    if form == "one-hot":
        y_true = np.eye(3)[y_true]
    panel = ErrorBrowser(y_true, y_pred, images, NAMES)
    panel.grid.choose(*cell)
    panel.next.click()
    seen = []
    names = {"y_true": y_true, "y_pred": y_pred, "images": images, "np": np}
    exec(panel.code, names | {"show_images": lambda some, columns: seen.append(some)})
    if len(panel.shown):
        assert [int(image[0, 0, 0]) // 2 for image in seen[0]] == panel.shown.tolist()
    exec(panel.code, names | {"show_images": show_images})


def test_class_numbers_give_no_order_and_say_so(answers, images):
    y_true, y_pred = answers
    panel = ErrorBrowser(y_true, y_pred.argmax(axis=1), images, NAMES)
    assert "in the given order" in panel._status.value
    assert (np.diff(panel.rows) > 0).all()
    assert "%</figcaption>" not in panel._gallery.value


def test_files_and_splits(answers, tmp_path):
    y_true, y_pred = (part[:20] for part in answers)
    paths = [tmp_path / f"{i:02} <i>.png" for i in range(20)]
    for i, path in enumerate(paths):
        Image.new("RGB", (300, 200), (i, i, i)).save(path)
    split = Split(paths, y_true, NAMES)
    for images in (paths, split, [str(path) for path in paths]):
        panel = ErrorBrowser(y_true, y_pred, images, NAMES)
        first = panel.shown[0]
        assert f'alt="{first:02} &lt;i&gt;.png"' in panel._gallery.value
        show = Mock()
        exec(
            panel.code,
            {"y_true": y_true, "y_pred": y_pred, "images": images, "np": np, "show_images": show},
        )
        assert [Path(path) for path in show.call_args.args[0]] == [paths[i] for i in panel.shown]


def test_image_that_is_gone_is_named_and_the_panel_goes_on(answers, tmp_path):
    y_true, y_pred = (part[:20] for part in answers)
    paths = [tmp_path / f"{i}.png" for i in range(20)]
    for path in paths:
        Image.new("RGB", (30, 20)).save(path)
    panel = ErrorBrowser(y_true, y_pred, paths, NAMES)
    paths[panel.shown[0]].unlink()
    cell = panel.true.value, panel.predicted.value
    panel.grid.choose(0, 0)
    panel.grid.choose(*cell)
    assert "does not exist" in panel._gallery.value
    panel.grid.choose(0, 0)
    assert "<figure" in panel._gallery.value


def test_hundred_classes_have_drop_downs_and_the_frequent_errors():
    generator = np.random.default_rng(1)
    y_true = generator.integers(0, 100, 900)
    y_pred = np.where(generator.random(900) < 0.3, generator.integers(0, 100, 900), y_true)
    names = [f"class {i}" for i in range(100)]
    panel = ErrorBrowser(y_true, y_pred, np.zeros((900, 4, 4, 3), "uint8"), names)
    assert panel.grid is None
    assert "A matrix of 100 classes does not fit" in panel.children[0].value
    matrix = confusion_matrix(y_true, y_pred, labels=range(100))
    for words, cell in panel.frequent.options[1:]:
        assert words.endswith(f": {matrix[cell]}") and cell[0] != cell[1]
    panel.frequent.value = panel.frequent.options[3][1]
    assert (panel.true.value, panel.predicted.value) == panel.frequent.options[3][1]
    panel.true.value = panel.predicted.value = 7
    assert panel.frequent.value is None
    assert panel.rows.tolist() == np.flatnonzero((y_true == 7) & (y_pred == 7)).tolist()
    assert "class 7: " in str(panel)


def test_nothing_wrong_is_no_error(images):
    y_true = np.arange(COUNT) % 3
    panel = ErrorBrowser(y_true, y_true, images, NAMES)
    assert "cat correctly recognised: 40 of 40 (100%)" in panel._status.value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((5, 8, 8, 3), "uint8")}, "there are 5 images and 120 predictions"),
        ({"y_pred": np.full((COUNT, 3), [3.0, -1.0, 0.5])}, "keras.ops.softmax"),
        ({"class_names": ["cat", "dog"]}, "3 columns for 2 classes|0 to 1"),
        ({"images": np.full((COUNT, 8, 8, 3), -0.5, "float32")}, "before they are preprocessed"),
    ],
    ids=["other images", "logits", "other classes", "preprocessed"],
)
def test_what_does_not_fit_is_refused_with_what_to_do(answers, images, change, message):
    arguments = {"y_true": answers[0], "y_pred": answers[1], "images": images, "class_names": NAMES}
    with pytest.raises(ValueError, match=message):
        ErrorBrowser(**arguments | change)


def luminance(colour):
    """Relative luminance of WCAG 2."""
    parts = [
        v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4
        for v in (number / 255 for number in colour)
    ]
    return np.dot(parts, [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("share", np.linspace(0, 1, 101))
def test_numbers_can_be_read_on_every_shade(share):
    style = _shade(share)
    ground = luminance([int(number) for number in re.findall(r"\d+", style)[:3]])
    letters = 1.0 if "color:white" in style else 0.0
    light, dark = max(ground, letters), min(ground, letters)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_table_and_images_are_there_without_a_kernel(panel):
    bundle = panel._repr_mimebundle_()
    assert 'alt="ErrorBrowser' in bundle["text/html"]
    right, *errors = panel.counts[0]
    assert errors[0] > errors[1] > 0
    row = f"cat: {right} of {sum(panel.counts[0])} correct; taken for dog {errors[0]}, bird <b> "
    assert f"{row}{errors[1]}\n" in bundle["text/plain"]
    assert "show_images(" in bundle["text/plain"]
