"""What all checks share: verdicts that can be trusted, shown calmly, and handed in."""

import html
import os
import re
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

import course_checks as checks
from course_checks import reference_data
from course_checks import verdict as verdicts
from course_checks.hand_in import hand_in
from course_checks.misconceptions import MISCONCEPTIONS
from course_checks.protocol import LearnerError
from course_checks.training_checks import require_accuracy
from course_checks.verdict import Mistake, Verdict, check


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch):
    monkeypatch.delenv("NBGRADER_VALIDATING", raising=False)
    verdicts.forget()
    yield
    verdicts.forget()


@check()
def gives_three(function, rng) -> str:
    """Check that a function gives 3."""
    if (answer := verdicts_answer(function)) != 3:
        raise Mistake("off-by-one", f"You gave {answer}.", score=0.5)
    return "Three."


def verdicts_answer(function):
    from course_checks.protocol import ask

    return ask(function)


def three():
    return 3


def four():
    return 4


def unanswered():
    raise NotImplementedError(verdicts.STUB_MESSAGE)


@pytest.mark.parametrize(
    ("function", "earned", "heading"),
    [
        (three, 2, "Right: 2 of 2 points"),
        (four, 1, "Partly right: 1 of 2 points"),
        (unanswered, 0, "Not answered yet: 0 of 2 points"),
        (lambda: 1 / 0, 0, "Not yet: 0 of 2 points"),
        (None, 0, "Not yet: 0 of 2 points"),
    ],
)
def test_verdict_says_points_in_words_and_as_a_number(function, earned, heading):
    verdict = gives_three(function, points=2)
    shown = verdict._repr_mimebundle_()
    assert float(shown["text/plain"]) == earned
    assert heading in shown["text/html"]
    assert 'role="status"' in shown["text/html"]


def test_exception_is_told_with_its_name_and_text():
    message = gives_three(lambda: 1 / 0, points=2).message
    assert "ZeroDivisionError" in message
    assert "division by zero" in message


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -1, 7])
def test_score_stays_between_nothing_and_all(score):
    assert Verdict(score, 2, "").earned in (0, 2)
    assert np.isfinite(Verdict(score, 2, "").score)


def test_score_that_is_no_number_gives_nothing():
    assert Verdict(float("nan"), 2, "").earned == 0
    assert Verdict(float("inf"), 2, "").earned == 0


def test_what_a_learner_wrote_cannot_become_html():
    def evil():
        raise ValueError("<script>alert(1)</script>")

    shown = gives_three(evil, points=1)._repr_mimebundle_()["text/html"]
    assert "<script" not in shown
    assert html.escape("<script>") in shown


def test_validate_gets_an_error_that_says_it_all(monkeypatch):
    monkeypatch.setenv("NBGRADER_VALIDATING", "1")
    assert gives_three(three, points=2).score == 1
    with pytest.raises(verdicts.NotYet) as error:
        gives_three(unanswered, points=2)
    (shown,) = error.value._render_traceback_()
    assert shown.startswith("Not answered yet: 0 of 2 points.")


def test_answer_of_another_form_raises_nothing():
    @check()
    def strict(function, rng):
        return {"a": 1}[function]

    assert "form" in strict("b", points=1).message


def test_loss_of_the_learners_process_is_not_a_verdict():
    class KernelDied(Exception):
        pass

    @check()
    def lost(function, rng):
        raise KernelDied

    with pytest.raises(KernelDied):
        lost(three, points=1)


def test_long_message_of_an_exception_is_cut():
    def long():
        raise ValueError("x" * 10_000)

    assert len(gives_three(long, points=1).message) < 600


def test_lowest_of_several_seeds_counts():
    answers = iter([4, 3])

    def sometimes():
        return next(answers)

    gives_three(sometimes, points=2)
    gives_three(sometimes, points=2, seed=None)
    assert verdicts.points_so_far() == {"sometimes": 1}


@check(hidden_seeds=2)
def counts_its_cases(function, rng) -> str:
    """Check with a function that gets the number that was drawn."""
    if not function(int(rng.integers(2**62))):
        raise Mistake(None, "Wrong.", score=0.5)
    return "Right."


@pytest.fixture
def hidden_seeds():
    verdicts.set_hidden_seeds([7, 8, 9])
    yield
    verdicts.set_hidden_seeds([])


def drawn_by(check, answers=(True, True, True, True), **settings):
    drawn, each = [], iter(answers)
    verdict = check(lambda number: drawn.append(number) or next(each), points=2, **settings)
    return drawn, verdict.earned


def test_hidden_seeds_draw_the_same_cases_each_time(hidden_seeds):
    first, _ = drawn_by(counts_its_cases, seed=None)
    assert drawn_by(counts_its_cases, seed=None)[0] == first
    assert first == [int(np.random.default_rng(seed).integers(2**62)) for seed in (7, 8)]
    visible, _ = drawn_by(counts_its_cases)
    assert len(visible) == 1 and visible[0] not in first


def test_without_hidden_seeds_nobody_can_foresee_the_cases():
    (first,), _ = drawn_by(counts_its_cases, seed=None)
    (second,), _ = drawn_by(counts_its_cases, seed=None)
    assert first != second


@pytest.mark.parametrize(
    ("answers", "earned"), [((True, True), 2), ((True, False), 1), ((False, True), 1)]
)
def test_lowest_verdict_of_the_hidden_seeds_counts(hidden_seeds, answers, earned):
    assert drawn_by(counts_its_cases, answers, seed=None)[1] == earned


def test_nothing_is_drawn_after_a_verdict_that_gives_nothing(hidden_seeds):
    calls = []
    assert gives_three(lambda: calls.append(1) or 1 / 0, points=2, seed=None).earned == 0
    assert len(calls) == 1
    calls.clear()
    assert gives_three(lambda: calls.append(1) or 3, points=2, seed=None).earned == 2
    assert len(calls) == 3


def test_misconceptions_have_names_that_stay_and_explanations():
    for name, explanation in MISCONCEPTIONS.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
        assert explanation.endswith(".")
        assert Mistake(name).args[0] == explanation


def test_unknown_misconception_is_refused():
    with pytest.raises(KeyError):
        Mistake("no-such-thing")


ALL_CHECKS = [
    name
    for name in checks.__all__
    if name not in ("MISCONCEPTIONS", "Verdict", "hand_in", "points_so_far")
]


@pytest.mark.parametrize("name", ALL_CHECKS)
def test_check_speaks_up_for_a_stub_and_nothing_else(name):
    def stub(*arguments):
        raise NotImplementedError(verdicts.STUB_MESSAGE)

    assert not getattr(checks, name)(stub, points=2).answered


JUNK = [
    None,
    "text",
    [],
    [1, 2, 3],
    {"a": 1},
    float("nan"),
    10**400,
    np.zeros((2, 2)),
    np.full(2, np.nan),
    [[], []],
    [None, None],
    [1, "2"],
    [[1, 2], [3]],
    {},
    0,
    b"",
    True,
    pytest.param(object(), id="an object"),
]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: type(junk).__name__)
@pytest.mark.parametrize("name", ALL_CHECKS)
def test_check_gives_nothing_for_junk_and_raises_nothing(name, junk):
    verdict = getattr(checks, name)(lambda *arguments: junk, points=2)
    assert verdict.earned == 0
    assert verdict.message


class Liar:
    """A model in another process that answers every question with the same."""

    def __init__(self, answer):
        self.answer = answer

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments: self.answer


@pytest.mark.parametrize("junk", [*JUNK, {"layers": [], "compiled": True}], ids=str)
@pytest.mark.parametrize("name", ["frozen_classifier", "trained_head", "batch_norm_fine_tuning"])
def test_check_believes_no_model_that_lies(name, junk):
    class Remote:
        def ask_remotely(self, *arguments):
            return Liar(junk)

    verdict = getattr(checks, name)(Remote(), points=2)
    assert verdict.earned == 0


class Forger:
    """A model that never computes anything, and fits what it says to the check's source."""

    def __init__(self, weights, moved, classes):
        self.answers, self.classes = [weights, moved], classes
        self.trained = 0

    def ask_remotely(self, *arguments):
        return self

    def facts(self):
        dense = {"name": "dense", "kind": "Dense", "trainable": True, "parameters": 1}
        return {
            "layers": [dense],
            "compiled": True,
            "from_logits": False,
            "loss": "categorical_crossentropy",
            "optimizer": "Adam",
            "trainable_parameters": 1,
        }

    def predict(self, inputs):
        return np.full((len(inputs), self.classes), 1 / self.classes)

    def train_step(self, inputs, targets):
        self.trained += 1
        return float(np.log(self.classes))

    def weights(self, part=""):
        found = self.answers[self.trained > 0]
        return {path: array for path, array in found.items() if part in path}

    def digests(self):
        return {"dense/kernel": str(self.trained)}


def test_frozen_classifier_that_computes_nothing_gets_less_than_all():
    channels = reference_data.reference_data("pets")["codes"].shape[1]
    head = {"dense/kernel": np.zeros((channels, 2)), "dense/bias": np.zeros(2)}
    moved = {**head, "dense/kernel": np.full((channels, 2), 1e-6)}
    verdict = checks.frozen_classifier(Forger(head, moved, 2), points=3)
    assert verdict.score <= 1 / 3
    assert "same for all images" in verdict.message


@pytest.mark.parametrize("name", ["batch_norm_fine_tuning", "first_convolutions_frozen"])
def test_small_network_that_computes_nothing_gets_less_than_all(name):
    names = ["conv1", "conv2", "conv3", "conv4", "predictions", "dense", "bn1"]
    kinds = ["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"]
    weights = {f"{name}/{kind}": np.zeros(4) for name in names for kind in kinds}
    forger = Forger(weights, {path: array + 1e-3 for path, array in weights.items()}, 4)
    assert getattr(checks, name)(forger, points=3).score <= 1 / 3


def test_missing_return_is_named_where_an_array_was_asked_for():
    verdict = checks.vgg_preprocessing(lambda pixels: None, points=2)
    assert verdict.message.endswith("None (is the return missing?).")


def test_check_tells_a_late_answer():
    class Remote:
        def ask_remotely(self, *arguments):
            raise LearnerError("TimeoutError", "no answer within 30 s")

    assert "too long" in checks.head_sizes(Remote(), points=2).message


def test_importing_checks_loads_no_tensorflow():
    code = "import sys, course_checks; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_reference_data_are_read_from_a_folder_without_tensorflow(tmp_path, monkeypatch):
    for name in ("cat", "dog"):
        (tmp_path / "images" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "images" / name / "1.png")

    def labels(splits):
        return {"labels": np.concatenate([split.labels for split in splits])}

    monkeypatch.setattr(reference_data, "PARTS", {"pets": (labels, None)})
    file = reference_data.save("pets", tmp_path / "images", tmp_path)
    assert file == tmp_path / "pets.npz"
    code = (
        "import sys; from course_checks.reference_data import reference_data; "
        "assert reference_data('pets')['labels'].tolist() == [0, 1]; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    environment = {**os.environ, "COURSE_REFERENCE_DATA": str(tmp_path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


def test_unknown_reference_data_are_refused():
    with pytest.raises(ValueError, match="choose one of"):
        reference_data.reference_data("horses")


def exercise_in(folder, answer="def three():\n    return 3", name="01_three"):
    graded = {"grade": True, "solution": False, "points": 2, "grade_id": "q1_check"}
    written = {"grade": True, "solution": True, "points": 1, "grade_id": "q2"}
    cells = [
        new_code_cell(answer, outputs=[], execution_count=3),
        new_code_cell("checks.gives_three(three, points=2)", metadata={"nbgrader": graded}),
        new_markdown_cell("Words.", metadata={"nbgrader": written}),
    ]
    nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")


def test_hand_in_adds_up_and_writes_a_notebook_without_outputs(tmp_path):
    exercise_in(tmp_path)
    gives_three(three, points=2)
    summary = hand_in("01_three", tmp_path)
    assert summary.heading == "2 of 2 points so far"
    assert "Question 2: 1 points, given by your instructor" in summary.lines
    written = nbformat.read(tmp_path / "to_hand_in" / "01_three.ipynb", as_version=4)
    assert written.cells[0].execution_count is None
    assert summary.file == tmp_path / "to_hand_in" / "01_three.ipynb"
    assert not any("differs from what" in line for line in summary.lines)


def test_attempts_are_shared_only_if_the_learner_says_so(tmp_path):
    exercise_in(tmp_path)
    for answer in (lambda: 2, lambda: 3):
        answer.__name__ = "three"
        gives_three(answer, points=2)
    file = hand_in("01_three", tmp_path, share_attempts=True).file
    missed = {"score": 0.5, "misconception": "off-by-one"}
    right = {"score": 1.0, "misconception": None}
    assert nbformat.read(file, as_version=4).metadata.attempts == {"three": [missed, right]}
    file = hand_in("01_three", tmp_path).file
    assert "attempts" not in nbformat.read(file, as_version=4).metadata


def test_hand_in_says_what_was_not_checked(tmp_path):
    exercise_in(tmp_path)
    assert "Question 1: not checked yet" in hand_in("01_three", tmp_path).lines


def test_hand_in_says_that_the_file_is_older(tmp_path):
    exercise_in(tmp_path, answer="def three():\n    return 2")
    gives_three(three, points=2)
    lines = hand_in("01_three", tmp_path).lines
    assert any("differs from what you ran in: three" in line for line in lines)


def test_hand_in_says_where_it_looked_for_a_missing_notebook(tmp_path):
    summary = hand_in("01_three", tmp_path)
    assert "no notebook to hand in" in summary.heading
    assert str(tmp_path) in summary.lines[0]
    assert summary.file is None


def test_hand_in_fails_for_solutions_that_miss_points(tmp_path):
    exercise_in(tmp_path, answer="### BEGIN SOLUTION\n### END SOLUTION")
    with pytest.raises(AssertionError, match="0 of 2 points"):
        hand_in("01_three", tmp_path)
    gives_three(three, points=2)
    assert hand_in("01_three", tmp_path).file is None
    assert not (tmp_path / "to_hand_in").exists()


@pytest.mark.parametrize(
    ("accuracy", "words"),
    [(0.1, "worse than guessing"), (0.5, "no better than guessing"), (0.67, "loss fall")],
)
def test_low_accuracy_says_where_to_look(accuracy, words):
    labels = np.arange(100) % 2
    answers = np.eye(2)[np.where(np.arange(100) < 100 * accuracy, labels, 1 - labels)]
    with pytest.raises(Mistake, match=words):
        require_accuracy(answers, labels, enough=0.7, chance=0.5)
