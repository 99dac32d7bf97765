"""The feature explorer in JupyterLab, with mouse and keyboard, against what Keras says."""

import json
import re

import pytest

from tools.jupyterlab import THEMES, barriers, use_theme

PANEL = ".course-feature-explorer"
CELLS = (
    "from course_utils import FeatureExplorer, load_backbone\n"
    "backbone = load_backbone('minivgg', include_top=True)\n"
    "explorer = FeatureExplorer(backbone)\n"
    "explorer",
    "import contextlib, io, json\n"
    "scope = {'backbone': backbone}\n"
    "with contextlib.redirect_stderr(io.StringIO()):\n"
    "    exec(explorer.code, scope)\n"
    "strongest = scope.get('strongest')\n"
    "images = scope.get('images')\n"
    "print(json.dumps({\n"
    "    'layer': scope['layer'].name,\n"
    "    'peaks': scope['maps'].numpy().max(axis=(0, 1)).tolist(),\n"
    "    'channel': scope['channel'],\n"
    "    'classes': [images.class_names[images.labels[i]] for i in strongest] if images else [],\n"
    "}))",
)


@pytest.fixture
def explorer(lab, page):
    return lab.show(page, *CELLS, wait_for=f"{PANEL} [role=gridcell]")


# The panel is read with text_content: while JupyterLab scrolls it hides the cell, and the inner
# text of what is hidden is empty.


def asked_of_keras(notebook) -> dict:
    """Run the code that the panel shows, as a cell."""
    printed = notebook.run_cell(1).last.inner_text()
    notebook.cell(0)
    return json.loads(printed)


def shown_channels(page) -> list[int]:
    return [int(text) for text in page.locator(f"{PANEL} [role=gridcell]").all_text_contents()]


def assert_shows_what_keras_says(notebook, page) -> dict:
    """The layer, its strongest channels, the chosen one and its largest value."""
    said = asked_of_keras(notebook)
    peaks = said["peaks"]
    strongest = sorted(range(len(peaks)), key=lambda channel: -peaks[channel])[:12]
    assert shown_channels(page) == strongest
    text = page.locator(PANEL).text_content()
    assert f"{said['layer']} in block" in text
    number, largest = re.search(r"Channel (\d+): the largest value, ([\d.]+),", text).groups()
    assert int(number) == said["channel"]
    assert float(largest) == pytest.approx(peaks[said["channel"]], rel=0.01)
    return said


def find_pictures(page):
    page.get_by_role("button", name="Find the pictures").click()
    page.get_by_text(re.compile("these excite channel")).wait_for(timeout=120_000)


def test_with_the_mouse(explorer, page):
    assert_shows_what_keras_says(explorer, page)
    page.get_by_label("or by name").select_option("block2_conv2")
    page.get_by_text("block2_conv2 in block2").wait_for()
    explorer.wait_until_idle()
    cell = page.locator(f"{PANEL} [role=gridcell]").nth(8)
    number = cell.text_content()
    cell.click()
    page.get_by_text(f"Channel {number}:").wait_for()
    find_pictures(page)
    said = assert_shows_what_keras_says(explorer, page)
    captions = page.locator(f"{PANEL} figcaption").all_inner_texts()
    assert [words.split(",")[0] for words in captions if "," in words] == said["classes"]


def test_with_the_keyboard(explorer, page):
    page.get_by_role("slider", name="layer").press("ArrowRight")
    page.get_by_text("block4_conv1 in block4").wait_for()
    explorer.wait_until_idle()
    page.locator(f"{PANEL} [role=gridcell]").first.focus()
    for key in ("ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    number = page.locator(f"{PANEL} [role=gridcell]").nth(7).text_content()
    page.get_by_text(f"Channel {number}:").wait_for()
    assert_shows_what_keras_says(explorer, page)
    field = page.get_by_role("spinbutton", name="channel")
    assert field.input_value() == number
    other = next(channel for channel in range(256) if channel not in shown_channels(page))
    field.fill(str(other))
    field.press("Enter")
    page.get_by_text(f"Channel {other}").first.wait_for()
    assert page.locator(f"{PANEL} [role=gridcell][aria-selected=true]").count() == 0


def test_search_shows_its_progress_and_can_be_stopped(explorer, page):
    page.get_by_label("or by name").select_option("block5_conv2")
    page.get_by_text("block5_conv2 in block5").wait_for()
    page.get_by_role("button", name="Find the pictures").press("Enter")
    stop = page.get_by_role("button", name="Stop the search")
    stop.click()
    page.get_by_text("Stopped.").wait_for()
    assert page.get_by_text("these excite channel").count() == 0
    find_pictures(page)
    assert explorer.errors() == []


def test_heat_map_follows_class_and_opacity(explorer, page):
    picture = page.locator(f"{PANEL} img[alt*='heat map']")
    before = picture.get_attribute("src")
    page.get_by_role("slider", name="opacity in percent").press("ArrowRight")
    changed = "([selector, old]) => document.querySelector(selector).src !== old"
    page.wait_for_function(changed, arg=[f"{PANEL} img[alt*='heat map']", before])
    second = page.get_by_label("Grad-CAM for").locator("option").nth(1).inner_text()
    page.get_by_label("Grad-CAM for").select_option(second)
    label = re.match(r"(.*)\s\(", second)[1].replace("\N{NO-BREAK SPACE}", " ")
    page.get_by_text(f"{label}, probability").wait_for()


def test_shown_twice_and_run_twice(explorer, page):
    page.get_by_role("slider", name="layer").press("ArrowLeft")
    page.get_by_text("block3_conv2 in block3").wait_for()
    explorer.run_cell(0)
    page.get_by_text("block3_conv3 in block3").wait_for()
    page.get_by_role("slider", name="layer").press("Home")
    page.get_by_text("block1_conv1 in block1").wait_for()
    explorer.wait_until_idle()
    assert_shows_what_keras_says(explorer, page)
    assert explorer.errors() == []


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_keeps_people_out(explorer, page, theme):
    use_theme(page, theme)
    find_pictures(page)
    page.locator(f"{PANEL} [role=gridcell]").nth(1).click()
    assert barriers(page, PANEL) == []
