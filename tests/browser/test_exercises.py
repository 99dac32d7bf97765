"""An exercise in JupyterLab, with mouse and keyboard: answer, check, validate, hand in."""

import nbformat
import pytest
from exercises.submissions import solutions, written, wrong_answers

EXERCISE = "03_feature_extractor"
QUESTION = "ex03_q1"


@pytest.fixture
def exercise(lab, page):
    return lab.open(page, f"exercises/{EXERCISE}.ipynb")


def answer(exercise, source):
    """Answer the first question, and return what its check says."""
    return exercise.answer("def head_weights", source, "checks.head_sizes")


def test_answers_are_checked_validated_and_handed_in(exercise, lab, page):
    exercise.run_all()
    assert exercise.errors() == []

    wrong = wrong_answers(EXERCISE)["biases_forgotten"]
    said = answer(exercise, wrong.source)
    assert f"{wrong.points:g} of 2 points" in said and "biases" in said

    right = written(solutions(EXERCISE)[QUESTION])
    assert "Right: 2 of 2 points" in answer(exercise, right)

    exercise.save()
    last = exercise.run_cell(exercise.find("checks.hand_in")).inner_text()
    assert "2 of 10 points so far" in last
    handed_in = lab.folder / "exercises" / "to_hand_in" / f"{EXERCISE}.ipynb"
    cells = nbformat.read(handed_in, as_version=4).cells
    assert right in [cell.source for cell in cells]
    assert not any(cell.get("outputs") for cell in cells)


def test_validate_shows_what_the_checks_say(exercise, page):
    page.get_by_role("button", name="Validate").click()
    dialog = page.locator(".jp-Dialog")
    dialog.get_by_text("Validation Results").wait_for(timeout=120_000)
    said = dialog.inner_text()
    assert said.count("The following cell failed") >= 3
    assert "Not answered yet: 0 of 3 points" in said
    assert "Traceback" not in said and "NotYet" not in said
