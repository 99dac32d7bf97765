"""An error of the environment is never a grade, and a learner's own error always is one."""

import dataclasses
import json

import nbformat
import numpy as np
import pytest
from grading import small_course
from nbformat.v4 import new_code_cell, new_output

from conftest import skip_or_fail
from course_admin.grading.environment import Undecided, disturbance, is_environmental
from course_admin.grading.kernel import Kernel
from course_admin.grading.proxies import RemoteFunction
from course_admin.grading.sandbox import MEGABYTE, Limits, sandbox_problem
from course_admin.grading.worker import GradingJob, run
from course_checks.protocol import LearnerError

LIMITS = Limits(cell_seconds=2, output=MEGABYTE)


def raised_by(code):
    try:
        exec(code, {"np": np})
    except Exception as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize(
    "code",
    [
        "raise MemoryError",
        "np.empty(2**55)",
        "import errno, os; raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))",
        "raise BlockingIOError(11, 'Unable to open file (unable to lock file, errno = 11)')",
        "open('/no/such/file')",
        "raise ConnectionResetError",
        "raise TimeoutError",
        'raise RuntimeError("can\'t start new thread")',
        "raise ValueError('while saving: No space left on device')",
        "raise Exception('URL fetch failure on https://example.org/weights.h5')",
    ],
)
def test_error_of_the_environment_is_known(code):
    assert is_environmental(*raised_by(code))


@pytest.mark.parametrize(
    "code",
    [
        "raise NotImplementedError('Replace this line with your answer.')",
        "np.zeros(2) + np.zeros(3)",
        "int('three')",
        "undefined",
        "1 / 0",
        "[][1]",
        "assert False",
        "raise RuntimeError('this model has not been compiled')",
        "raise ValueError('the memory of this network is short')",
    ],
)
def test_error_of_the_learner_is_not_of_the_environment(code):
    assert not is_environmental(*raised_by(code))


def test_cell_is_disturbed_by_errors_of_the_environment_only():
    def error(name):
        return new_output("error", ename=name, evalue="said", traceback=[])

    printed = new_output("stream", name="stdout", text="MemoryError")
    assert disturbance([printed, error("ValueError")]) is None
    assert disturbance([printed, error("MemoryError")]) == "MemoryError: said"
    assert disturbance([new_output("error")]) is None


@pytest.fixture(scope="module")
def kernel():
    if problem := sandbox_problem():
        skip_or_fail(problem)
    with Kernel(LIMITS) as kernel:
        yield kernel


def ask(kernel, code, *arguments):
    kernel.run(f"import time\ndef f(*arguments):\n    {code}")
    return RemoteFunction(kernel, "f").ask_remotely(*arguments)


def test_request_may_be_larger_than_what_a_submission_may_print(kernel):
    images = np.zeros((2, MEGABYTE), "uint8")
    for _ in range(3):
        assert ask(kernel, "return arguments[0].shape", images) == [2, MEGABYTE]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise MemoryError('no room')", "stopped with MemoryError: no room"),
        ("open('/no/such/file')", "stopped with FileNotFoundError"),
        ("time.sleep(60)", "no answer within 2 s"),
    ],
)
def test_call_that_the_environment_stops_is_undecided(kernel, code, reason):
    with pytest.raises(Undecided, match=reason):
        ask(kernel, code)
    assert ask(kernel, "return 3") == 3


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("raise ValueError('wrong')", "ValueError"),
        ("raise NotImplementedError", "NotImplementedError"),
        ("raise SystemExit(1)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("return undefined", "NameError"),
    ],
)
def test_call_that_fails_by_itself_is_the_learners(kernel, code, kind):
    with pytest.raises(LearnerError) as caught:
        ask(kernel, code)
    assert caught.value.kind == kind


def test_call_draws_the_same_random_numbers_each_time(kernel):
    code = "import random; return [random.random(), random.random(), np.random.random()]"
    kernel.run("import numpy as np")
    first = ask(kernel, code)
    assert ask(kernel, code) == first
    assert len(set(first)) == 3


def test_what_a_disturbed_cell_should_define_is_undecided(kernel, monkeypatch):
    missing = RemoteFunction(kernel, "missing")
    with pytest.raises(LearnerError, match="there is no missing"):
        missing.ask_remotely()
    monkeypatch.setattr(kernel, "disturbance", "MemoryError: no room")
    with pytest.raises(Undecided, match=r"no missing.*stopped by MemoryError: no room"):
        missing.ask_remotely()
    assert ask(kernel, "return 3") == 3
    with pytest.raises(LearnerError, match="ValueError"):
        ask(kernel, "raise ValueError('wrong')")


def judged(tmp_path, submission):
    """Run a submission; return points by question, and reasons."""
    for name, notebook in (("submission", submission), ("definition", small_course.source())):
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    paths = [str(tmp_path / f"{name}.ipynb") for name in ("submission", "definition")]
    limits = dataclasses.asdict(LIMITS)
    notebook, questions, _ = run(GradingJob(*paths, str(tmp_path), limits))
    json.dumps([dataclasses.asdict(question) for question in questions])
    points = {question.question: question.points for question in questions}
    return points, {question.question: question.reason for question in questions}, notebook


def test_only_what_the_environment_stopped_needs_review(tmp_path, kernel):
    submission = small_course.answered(
        double="def double(values):\n    raise BlockingIOError(11, 'locked')",
        largest="def largest(values):\n    raise ValueError('locked')",
    )
    submission.cells.append(new_code_cell('checks.hand_in("91_small")'))
    points, reasons, notebook = judged(tmp_path, submission)
    assert points == {"double_check": None, "largest_check": 0}
    assert "stopped with BlockingIOError: [Errno 11] locked" in reasons["double_check"]
    assert notebook.cells[-1].outputs == []


def test_function_whose_cell_ran_out_of_time_needs_review(tmp_path, kernel):
    slow = f"import time\ntime.sleep(60)\n{small_course.ANSWERS['double']}"
    wrong = "def largest(values):\n    return values.min()"
    points, reasons, _ = judged(tmp_path, small_course.answered(double=slow, largest=wrong))
    assert points == {"double_check": None, "largest_check": 0}
    assert "stopped by TimeoutError" in reasons["double_check"]
