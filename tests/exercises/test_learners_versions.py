"""Learners' versions of the exercises are made from the instructor's, and those find mistakes."""

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


def test_source_notebook_fails_where_a_solution_is_broken(tmp_path):
    exercise = "11_beyond"  # without TensorFlow, which takes long to import
    notebook = source_notebook(exercise)
    solution = cell(notebook, "ex11_q3")
    solution.source = solution.source.replace("label_gradient - ", "label_gradient + ")
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
