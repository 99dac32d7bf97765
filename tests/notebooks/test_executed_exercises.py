"""Untouched exercises, executed: each check speaks up, kindly, and nothing else does."""

import pytest
from executed_notebooks import REPOSITORY, read_executed
from exercises.submissions import EXERCISES

from conftest import skip_or_fail

FOLDER = REPOSITORY / "notebooks" / "exercises"


def shown(cell) -> list[dict]:
    """What a cell displays besides what it prints."""
    return [output.data for output in cell.outputs if output.output_type != "stream"]


def is_check(cell) -> bool:
    return cell.metadata.get("nbgrader", {}).get("grade", False) and cell.cell_type == "code"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_exactly_the_checks_of_an_untouched_exercise_speak_up(exercise):
    try:
        notebook = read_executed(FOLDER / f"{exercise}.ipynb")
    except FileNotFoundError as error:
        skip_or_fail(str(error))
    *code, last = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        assert not any(output.get("name") == "stderr" for output in cell.outputs)
        if not is_check(cell):
            assert not any('role="status"' in data.get("text/html", "") for data in shown(cell))
            continue
        (verdict,) = shown(cell)
        assert verdict["text/plain"] == "0.0"
        assert "Not answered yet" in verdict["text/html"]
    assert shown(last)[0]["text/plain"].startswith("0 of ")
    assert (FOLDER / "to_hand_in" / f"{exercise}.ipynb").exists()
