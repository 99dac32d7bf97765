"""Learners' notebooks as they get them: the checks speak up, each kindly, and nothing else."""

import nbformat
import pytest
from exercises.submissions import EXERCISES, REPOSITORY, cell, source_notebook, with_answers
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


def execute(notebook, folder, exercise):
    nbformat.write(notebook, folder / f"{exercise}.ipynb")
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    client.execute()
    return notebook


def shown(cell):
    """What a cell displays besides what it prints."""
    return [output.data for output in cell.outputs if output.output_type != "stream"]


def is_check(cell):
    return cell.metadata.get("nbgrader", {}).get("grade", False) and cell.cell_type == "code"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_exactly_the_checks_of_an_untouched_exercise_speak_up(exercise, tmp_path):
    path = REPOSITORY / "notebooks" / "exercises" / f"{exercise}.ipynb"
    notebook = execute(nbformat.read(path, as_version=4), tmp_path, exercise)
    *code, last = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell_ in code:
        assert not any(output.get("name") == "stderr" for output in cell_.outputs)
        if not is_check(cell_):
            assert not any('role="status"' in data.get("text/html", "") for data in shown(cell_))
            continue
        (verdict,) = shown(cell_)
        assert verdict["text/plain"] == "0.0"
        assert "Not answered yet" in verdict["text/html"]
    assert shown(last)[0]["text/plain"].startswith("0 of ")
    assert (tmp_path / "to_hand_in" / f"{exercise}.ipynb").exists()


def test_source_notebook_fails_where_a_solution_is_broken(tmp_path):
    exercise = "01_pretrained_classifier"
    notebook = source_notebook(exercise)
    solution = cell(notebook, "ex01_q1")
    solution.source = solution.source.replace("layers[-1].count_params()", "count_params()")
    with pytest.raises(CellExecutionError, match="do not get all points"):
        execute(notebook, tmp_path, exercise)


def test_answers_are_pasted_where_they_belong():
    notebook = with_answers("03_feature_extractor", {"ex03_q2": "def build_classifier(b): ..."})
    assert cell(notebook, "ex03_q2").source == "def build_classifier(b): ..."
    assert "raise NotImplementedError" in cell(notebook, "ex03_q1").source
    assert "HIDDEN" not in cell(notebook, "ex03_q2_check").source


@pytest.mark.parametrize("exercise", EXERCISES)
def test_helper_makes_the_notebook_that_is_released(exercise):
    path = REPOSITORY / "notebooks" / "exercises" / f"{exercise}.ipynb"
    released = nbformat.read(path, as_version=4)
    made = with_answers(exercise, {})
    assert made.metadata["course"] == released.metadata["course"] == {"exercise": exercise}
    assert [cell.source for cell in made.cells] == [cell.source for cell in released.cells]
