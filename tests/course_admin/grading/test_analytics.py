"""What the class knows, worked out from points, final answers and shared attempts."""

import nbformat
import pytest

from course_admin.cli import main
from course_admin.grading import analytics
from course_admin.grading.results import QuestionResult, Status, SubmissionResult

NAME = "04_cnn_codes"
MISS = {"score": 0.0, "misconception": "relu-missing"}
HIT = {"score": 1.0, "misconception": None}


def submission(number, first, second, misconception=None):
    questions = [
        QuestionResult("q1_check", first, 2, misconception=misconception),
        QuestionResult("q2_check", second, 3),
    ]
    return SubmissionResult(f"s{number}", NAME, Status.GRADED, questions)


def class_of(points):
    return [submission(number, *pair) for number, pair in enumerate(points)]


def first(results, attempts=()):
    return analytics.questions_in(results, {(NAME, "q1_check"): list(attempts)})[0]


def test_question_that_good_learners_answer_separates():
    good, bad = (2.0, 3.0), (0.0, 0.0)
    assert first(class_of([good, bad] * 5)).separation == pytest.approx(1)
    assert first(class_of([(2.0, 0.0), (0.0, 3.0)] * 5)).separation == pytest.approx(-1)


@pytest.mark.parametrize("points", [[(2.0, 3.0), (0.0, 0.0)] * 4, [(2.0, 3.0)] * 12])
def test_nothing_is_said_of_few_learners_or_equal_points(points):
    assert first(class_of(points)).separation is None


def test_points_that_are_not_known_do_not_count():
    results = class_of([(2.0, 3.0), (None, 3.0), (1.0, None)])
    question = first(results)
    assert question.shares == [1.0, 0.5]
    assert question.mean == 0.75


def test_misconception_counts_where_more_learners_met_it():
    results = [submission(i, 0.0, 1.0, "relu-missing") for i in range(1)] + class_of(
        [(2.0, 3.0)] * 9
    )
    assert first(results).met == {"relu-missing": 0.1}
    question = first(results, [[MISS, MISS, HIT], [MISS, HIT], [HIT], [HIT]])
    assert question.met == {"relu-missing": 0.5}


def test_page_says_what_to_teach_again_and_draws_it():
    text = analytics.analytics_page([first(class_of([(2.0, 3.0)] * 4), [[MISS, HIT]] * 3)])
    assert "Teach again" in text and "relu-missing" in text and "100% of the learners" in text
    assert 'alt="q1_check: 100% all points"' in text and "data:image/png;base64," in text
    assert "2 (3 learners)" in text


def test_page_of_a_class_without_misconceptions_says_so():
    text = analytics.analytics_page([first(class_of([(2.0, 3.0)] * 4))])
    assert "Teach again" not in text and "No misconception met 20%" in text


def notebook(path, source, metadata, **notebook_metadata):
    cell = nbformat.v4.new_code_cell(source)
    cell.metadata.nbgrader = {"grade_id": "q1_check", "grade": True, "solution": False}
    cell.metadata.nbgrader.update(metadata)
    path.parent.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=notebook_metadata), path)


def test_shared_attempts_are_found_by_the_function_that_a_question_asks_for(tmp_path):
    sources, into = tmp_path / "instructor", tmp_path / "graded"
    check = "checks.codes_of_maps(make_codes, points=2)"
    notebook(sources / "source" / NAME / f"{NAME}.ipynb", check, {"points": 2})
    shared = {"make_codes": [MISS, HIT], "another": [HIT]}
    notebook(into / "submitted" / "ada" / NAME / f"{NAME}.ipynb", "", {}, attempts=shared)
    notebook(into / "submitted" / "bob" / NAME / f"{NAME}.ipynb", "", {})
    assert analytics.shared_attempts(into, sources) == {(NAME, "q1_check"): [[MISS, HIT]]}


def test_command_without_a_gradebook_says_what_to_do(tmp_path, capsys):
    assert main(["analytics", "--into", str(tmp_path)]) != 0
    assert "holds no gradebook" in capsys.readouterr().err
