"""The freeze explorer in JupyterLab, with mouse and keyboard, against what Keras says."""

import re

import pytest
from playwright.sync_api import expect

from tools.jupyterlab import THEMES, barriers, use_theme

CELLS = (
    "from course_utils import FreezeExplorer, load_backbone, load_split\n"
    "backbone = load_backbone()\n"
    "train, valid = (load_split('dogs_vs_cats', part) for part in ('train', 'valid'))\n"
    "explorer = FreezeExplorer(backbone, train, valid)\n"
    "explorer",
    "count = lambda weights: sum(int(weight.numpy().size) for weight in weights)\n"
    "print(count(backbone.model.trainable_weights))",
    "FreezeExplorer(backbone)",
)


@pytest.fixture
def notebook(lab, page):
    return lab.show(page, *CELLS, wait_for=".course-panel [role=slider]")


def expect_what_keras_counts(notebook, page) -> int:
    """Wait until the panel shows as many trainable parameters as Keras counts in a cell."""
    counted = int(notebook.run_cell(1).inner_text())
    status = page.locator(".course-panel [role=status]").first
    expect(status).to_contain_text(f"Trainable parameters: {counted:,}", timeout=20_000)
    return counted


def shown(page) -> int:
    words = page.locator(".course-panel [role=status]").first.inner_text()
    return int(re.search(r"Trainable parameters: ([\d,]+)", words)[1].replace(",", ""))


def test_slider_and_checkboxes_with_the_keyboard(notebook, page):
    slider = page.get_by_role("slider", name="freeze up to")
    slider.focus()
    before = shown(page)
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "document.querySelector('.course-panel').innerText.includes('block4: frozen')"
    )
    assert slider.get_attribute("aria-valuetext") == "block4"
    assert expect_what_keras_counts(notebook, page) < before
    page.get_by_role("checkbox", name="block2").focus()
    page.keyboard.press("Space")
    page.get_by_text("block2: trainable").wait_for()
    expect_what_keras_counts(notebook, page)


def test_checkboxes_with_the_mouse(notebook, page):
    page.get_by_role("checkbox", name="block5").click()
    page.get_by_text("block5: frozen").wait_for()
    expect_what_keras_counts(notebook, page)


def test_trains_a_copy_with_a_live_curve_and_can_be_stopped(notebook, page):
    page.get_by_role("slider", name="freeze up to").press("End")
    page.get_by_text("block5: frozen").wait_for()
    page.get_by_role("button", name="Add a classifier and train a copy").click()
    curves = page.locator(".course-panel img")
    curves.wait_for(timeout=60_000)
    page.get_by_text("Epoch 5 of 5: validation accuracy").wait_for(timeout=60_000)
    assert "frozen up to block5" in curves.get_attribute("alt")
    page.get_by_role("slider", name="freeze up to").press("ArrowLeft")
    page.get_by_role("button", name="Add a classifier and train a copy").click()
    page.get_by_role("button", name="Stop training").click()
    page.get_by_text("Stopped.").wait_for(timeout=60_000)
    expect_what_keras_counts(notebook, page)


def test_two_panels_a_cell_run_twice_and_a_restarted_kernel(notebook, page):
    notebook.run_cell(0)
    notebook.run_cell(2)
    first, second = page.locator(".course-panel").all()
    first.get_by_role("checkbox", name="block1").click()
    first.get_by_text("block1: frozen").wait_for()
    second.get_by_role("button", name="Check again").click()
    second.get_by_text("block1: frozen").wait_for()

    notebook.js("await panel.sessionContext.session.kernel.restart()")
    notebook.wait_for_kernel()
    notebook.run_cell(0)
    first.get_by_text("block1: trainable").wait_for()
    first.get_by_role("slider", name="freeze up to").press("End")
    first.get_by_text("block5: frozen").wait_for()
    expect_what_keras_counts(notebook, page)


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_keeps_people_out(notebook, page, theme):
    use_theme(page, theme)
    assert barriers(page, ".course-panel") == []
