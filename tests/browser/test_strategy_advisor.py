"""The strategy advisor in JupyterLab, with the keyboard, against the file of measurements."""

import statistics

import pytest

from course_utils.measured.runs import FREEZE_LEVELS, transfer_runs
from tools.jupyterlab import THEMES, barriers, use_theme

CELLS = (
    "from course_utils import StrategyAdvisor\n"
    "StrategyAdvisor(per_class=30, similarity='near', edition='pocket')",
)


@pytest.fixture
def notebook(lab, page):
    return lab.show(page, *CELLS, wait_for=".course-panel table")


def mean_in_file(dataset, per_class, level) -> str:
    cell = {"per_class": per_class, "frozen": level.frozen, "pretrained": level.pretrained}
    runs = transfer_runs(edition="pocket", dataset=dataset, **cell)
    return f"{statistics.mean(run.accuracy for run in runs):.3f}" if runs else "not measured"


def shown_means(page) -> list[str]:
    cells = page.locator(".course-panel table td").all_inner_texts()
    return [words.split(" (")[0] for words in cells]


def test_number_and_similarity_with_the_keyboard(notebook, page):
    expected = [mean_in_file("dogs_vs_cats", 30, level) for level in FREEZE_LEVELS]
    assert shown_means(page) == expected
    field = page.get_by_role("spinbutton", name="pictures per class")
    field.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("100")
    page.keyboard.press("Enter")
    page.get_by_role("columnheader", name="100 per class").wait_for()
    page.get_by_role("combobox", name="similar to the pretraining").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_text("Measured with hands").wait_for()
    expected = [mean_in_file("sign_language_digits", 100, level) for level in FREEZE_LEVELS]
    page.wait_for_function(f"document.body.innerText.includes('{expected[0]}')")
    assert shown_means(page) == expected
    assert "Learning rates" in page.locator(".course-panel [role=status]").inner_text()


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_keeps_people_out(notebook, page, theme):
    use_theme(page, theme)
    assert barriers(page, ".course-panel") == []
