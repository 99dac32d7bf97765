"""The panels about pictures in JupyterLab, with mouse and keyboard, against what Keras says."""

import io
import json
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tools.jupyterlab import THEMES, barriers, use_theme

PLAYGROUND = ".course-classifier-playground"
PLAYGROUND_CELLS = (
    "from course_utils import ClassifierPlayground, load_backbone\n"
    "backbone = load_backbone('minivgg', include_top=True)\n"
    "playground = ClassifierPlayground(backbone)\n"
    "playground",
    "scope = {'backbone': backbone}\nexec(playground.code, scope)",
)


@pytest.fixture
def playground(lab, page):
    return lab.show(page, *PLAYGROUND_CELLS, wait_for=f"{PLAYGROUND} [role=gridcell]")


def words(page, panel: str) -> str:
    """What the panel says now."""
    return page.locator(panel).inner_text()


def answers(text: str) -> list[str]:
    """The lines with a percentage and a label, as the bars show them."""
    return re.findall(r"^ *([\d.]+%) +(.+)$", text, re.MULTILINE)


def assert_shows_what_keras_says(notebook, page):
    """Run the code that the panel shows, which asks Keras, and compare."""
    notebook.cell(0)
    shown = answers(words(page, PLAYGROUND))
    printed = answers(notebook.run_cell(1).inner_text())
    assert len(printed) == 5 and shown == printed


def test_playground_with_the_mouse(playground, page):
    assert_shows_what_keras_says(playground, page)
    page.get_by_role("checkbox", name="red and blue swapped").click()
    page.get_by_text("cat, red and blue swapped").wait_for()
    page.get_by_role("gridcell", name="row 3, column 10").click()
    page.get_by_text("covered around row 3, column 10").wait_for()
    assert page.get_by_role("spinbutton", name="row, as a number").input_value() == "3"
    assert_shows_what_keras_says(playground, page)
    page.get_by_role("gridcell", name="row 8, column 8").scroll_into_view_if_needed()
    start = page.get_by_role("gridcell", name="row 8, column 8").bounding_box()
    page.mouse.move(start["x"] + 2, start["y"] + 2)
    page.mouse.down()
    page.mouse.move(start["x"] + 5 * start["width"] + 2, start["y"] + 2, steps=8)
    page.mouse.up()
    page.get_by_text("covered around row 8, column 13").wait_for()
    assert_shows_what_keras_says(playground, page)


def test_playground_with_the_keyboard(playground, page):
    page.get_by_role("checkbox", name="no preprocessing").focus()
    page.keyboard.press("Space")
    page.get_by_text("cat, no preprocessing").wait_for()
    assert page.get_by_role("checkbox", name="mean not subtracted").is_disabled()
    page.get_by_role("gridcell", name="row 1, column 1", exact=True).focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    page.get_by_text("covered around row 3, column 2").wait_for()
    page.get_by_role("slider", name="column").press("ArrowRight")
    page.get_by_text("covered around row 3, column 3").wait_for()
    field = page.get_by_role("spinbutton", name="row, as a number")
    field.fill("12")
    field.press("Enter")
    page.get_by_text("covered around row 12, column 3").wait_for()
    assert_shows_what_keras_says(playground, page)


def test_playground_computes_the_map_and_can_be_stopped(playground, page):
    button = page.get_by_role("button", name="Cover every place in turn")
    button.press("Enter")
    page.get_by_role("button", name="Stop the occlusion map").click()
    page.get_by_text("Stopped.").wait_for()
    button.click()
    page.get_by_text("The occlusion map lies on the picture").wait_for(timeout=60_000)
    lowest = re.search(
        r"to ([\d.]+%), with the patch around (row \d+, column \d+)", words(page, PLAYGROUND)
    )
    cell = page.get_by_role("gridcell", name=f"{lowest[2]}: {lowest[1]} where it is covered")
    cell.click()
    page.get_by_text(f"covered around {lowest[2]}").wait_for()
    assert f"to {lowest[1]}." in words(page, PLAYGROUND)


def picture(kind="PNG", size=(300, 200)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "seagreen").save(file, kind)
    return file.getvalue()


def test_playground_takes_a_file_and_refuses_a_bad_one(playground, page):
    page.get_by_label("Choose a picture").set_input_files(
        {"name": "green.png", "mimeType": "image/png", "buffer": picture()}
    )
    page.get_by_text("green.png, correctly preprocessed").wait_for()
    before = answers(words(page, PLAYGROUND))
    for name, content, said in (
        ("empty.png", b"", "empty.png is empty"),
        ("text.pdf", b"%PDF-1.7", "text.pdf is not an image"),
        ("broken.png", picture(size=(2000, 2000))[:-900], "broken.png cannot be decoded"),
        ("huge.jpg", picture("JPEG", (10_000, 7_000)), "huge.jpg has over 64 megapixels"),
        ("heavy.png", bytes(11_000_000), "heavy.png has 11 MB"),
    ):
        page.get_by_label("Choose a picture").set_input_files(
            {"name": name, "mimeType": "image/png", "buffer": content}
        )
        page.get_by_text(said).wait_for()
        assert answers(words(page, PLAYGROUND)) == before


def test_playground_shown_twice_and_run_twice(playground, page):
    page.get_by_role("checkbox", name="red and blue swapped").click()
    page.get_by_text("cat, red and blue swapped").wait_for()
    playground.run_cell(0)
    page.get_by_text("cat, correctly preprocessed").wait_for()
    page.get_by_role("gridcell", name="row 2, column 2", exact=True).click()
    page.get_by_text("covered around row 2, column 2").wait_for()
    assert_shows_what_keras_says(playground, page)
    assert playground.errors() == []


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_in_the_playground_keeps_people_out(playground, page, theme):
    use_theme(page, theme)
    page.get_by_role("button", name="Cover every place in turn").click()
    page.get_by_text("The occlusion map lies on the picture").wait_for(timeout=60_000)
    assert barriers(page, PLAYGROUND) == []


ERRORS = ".course-error-browser"
ERRORS_CELLS = (
    "import numpy as np\n"
    "from course_utils import ErrorBrowser, load_split\n"
    "split = load_split('sign_language_digits', 'test')\n"
    "y_pred = np.random.default_rng(0).dirichlet([0.3] * 10, len(split))\n"
    "y_pred[::2] = np.eye(10)[split.labels[::2]] * 0.9 + 0.01\n"
    "panel = ErrorBrowser(split.labels, y_pred, split, split.class_names)\n"
    "panel",
    "from sklearn.metrics import confusion_matrix\n"
    "print(confusion_matrix(split.labels, y_pred.argmax(axis=1)).tolist())",
)


@pytest.fixture
def errors(lab, page):
    return lab.show(page, *ERRORS_CELLS, wait_for=f"{ERRORS} [role=gridcell]")


def counts(notebook) -> list[list[int]]:
    """What scikit-learn counts, run as a cell."""
    printed = notebook.run_cell(1).inner_text()
    notebook.cell(0)
    return json.loads(printed)


def cell_of(page, true: int, predicted: int):
    name = f"true {true}, predicted {predicted}:"
    return page.get_by_role("gridcell", name=re.compile(f"^{name}"))


def test_errors_with_the_mouse(errors, page):
    matrix = counts(errors)
    for true, row in enumerate(matrix):
        shown = [cell_of(page, true, predicted).inner_text() for predicted in range(10)]
        assert shown == [str(count) for count in row]
    right = matrix[3][3]
    cell_of(page, 3, 3).click()
    page.get_by_text(f"3 correctly recognised: {right} of {sum(matrix[3])}").wait_for()
    assert page.locator(f"{ERRORS} figure").count() == min(right, 12)
    assert page.locator(f"{ERRORS} figcaption").first.inner_text().startswith("true 3, predicted 3")
    assert page.get_by_label("true class").locator("option:checked").inner_text() == "3"


def test_errors_with_the_keyboard(errors, page):
    matrix = counts(errors)
    cell_of(page, 3, 3).click()
    page.get_by_text("3 correctly recognised:").wait_for()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    page.get_by_text("2 taken for 4:").wait_for()
    page.get_by_label("predicted class").select_option("2")
    page.get_by_text(f"2 correctly recognised: {matrix[2][2]} of").wait_for()
    assert cell_of(page, 2, 2).get_attribute("aria-selected") == "true"


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_in_the_error_browser_keeps_people_out(errors, page, theme):
    use_theme(page, theme)
    cell_of(page, 3, 3).click()
    page.get_by_text("3 correctly recognised:").wait_for()
    assert barriers(page, ERRORS) == []


PREVIEW = ".course-augmentation-preview"
PREVIEW_CELLS = (
    "from course_utils import AugmentationPreview\npreview = AugmentationPreview()\npreview",
    "import numpy as np\n"
    "scope = {}\n"
    "exec(preview.code, scope)\n"
    "print(np.abs(np.asarray(scope['images']) - preview.images).max() < 1e-3)",
)


@pytest.fixture
def preview(lab, page):
    return lab.show(page, *PREVIEW_CELLS, wait_for=f"{PREVIEW} figure")


def assert_is_what_keras_makes(notebook):
    assert notebook.run_cell(1).inner_text().strip() == "True"
    notebook.cell(0)


def sources(page) -> list[str]:
    return [image.get_attribute("src") for image in page.locator(f"{PREVIEW} img").all()]


def sources_after(page, old: list[str]) -> list[str]:
    """The pictures, as soon as they are others; the words about them come a moment earlier."""
    page.wait_for_function(
        "([selector, old]) => document.querySelectorAll(selector)[1].src !== old",
        arg=[f"{PREVIEW} img", old[1]],
    )
    return sources(page)


def test_preview_with_the_mouse(preview, page):
    before = sources(page)
    page.get_by_role("checkbox", name="contrast").click()
    page.get_by_text("contrast changed by up to 30%").wait_for()
    changed = sources_after(page, before)
    assert changed[0] == before[0], "the picture before the augmentation has changed"
    page.get_by_role("button", name="Draw again").click()
    sources_after(page, changed)
    assert_is_what_keras_makes(preview)


def test_preview_with_the_keyboard(preview, page):
    page.get_by_role("slider", name="strength of rotation").press("ArrowRight")
    page.get_by_text("turned by up to 22 degrees").wait_for()
    field = page.get_by_role("spinbutton", name="strength of rotation, as a number")
    expect(field).to_have_value("0.06")  # from the kernel; later it would replace what is typed
    field.fill("0.3")
    field.press("Enter")
    page.get_by_text("turned by up to 108 degrees").wait_for()
    page.get_by_text("beyond 45 degrees the label stays true").wait_for()
    page.get_by_label("it shows").select_option("written digits and letters")
    page.get_by_text("half a turn makes 6 a 9").wait_for()
    assert_is_what_keras_makes(preview)


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_in_the_preview_keeps_people_out(preview, page, theme):
    use_theme(page, theme)
    page.get_by_label("it shows").select_option("written digits and letters")
    page.get_by_text("Flipping destroys the label").wait_for()
    assert barriers(page, PREVIEW) == []
