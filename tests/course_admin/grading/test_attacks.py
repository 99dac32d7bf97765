"""No submission harms the machine, the grader or the others, and none gets what it did not earn."""

import contextlib
import os
import re
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
import pytest
from grading import small_course
from grading.attacks import notebooks

from conftest import skip_or_fail
from course_admin.grading import page
from course_admin.grading.pipeline import grade
from course_admin.grading.results import Status, SubmissionResult
from course_admin.grading.sandbox import MEGABYTE, Limits, sandbox_problem
from course_admin.grading.worker_pool import FOLDER_PREFIX, Options

pytestmark = pytest.mark.slow

ATTACKS = Path(__file__).parent / "attacks"
LEFT_BEHIND = "left_behind_by_an_attack"
# Bounds that hold even where a sandbox fails: an attack that gets through is seen, not suffered
LIMITS = Limits(
    cell_seconds=4,
    total_seconds=16,
    memory=384 * MEGABYTE,
    processes=80,
    file_size=16 * MEGABYTE,
    disk=32 * MEGABYTE,
    files=5000,
    output=4 * MEGABYTE,
)


@dataclass(frozen=True)
class Attack:
    """What a file of ``attacks/`` says."""

    name: str
    expected: dict[str, str]
    reason: str | None
    never: str | None
    page: str | None
    cells: list[tuple[str, str]]

    @classmethod
    def read(cls, path: Path) -> "Attack":
        head, *parts = re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        said = dict(re.findall(r"^# (\w+): (.*)$", head, flags=re.MULTILINE))
        cells = [tuple(part.strip(" ").split("\n", 1)) for part in parts]
        words = [said.get(key) for key in ("Reason", "Never", "Page")]
        return cls(path.stem, points_in(said["Expect"]), *words, cells)

    def notebook(self) -> nbformat.NotebookNode:
        """The attack as a submission: its own cells come before the answers."""
        answers = {name.strip(): code for name, code in self.cells if name.strip()}
        if "why" in answers:  # text, written as a comment
            answers["why"] = answers["why"].removeprefix("# ")
        notebook = small_course.answered(**answers)
        own = [code for name, code in self.cells if not name.strip()]
        notebook.cells[2:2] = [nbformat.v4.new_code_cell(code) for code in own]
        return notebook


def points_in(text: str) -> dict[str, str]:
    """``double 2, largest review`` as a dict."""
    return dict(part.split() for part in text.split(", "))


CODE = {
    path.stem: Attack.read(path)
    for path in sorted(ATTACKS.glob("*.py"))
    if path.stem != "notebooks"
}
FILES = {function.__name__: function for function in notebooks.EXPECTED}
READING = ["read_hidden_tests", "read_the_checkout", "read_the_environment", "open_the_network"]
"""They find it where there is no sandbox."""


@dataclass
class Graded:
    """A class of attackers and one honest learner, graded."""

    folder: Path
    results: dict[str, SubmissionResult]
    output: dict[str, str]


def hand_in_and_grade(folder: Path, attacks: list[str], trusted: bool = False) -> Graded:
    instructor = small_course.make_instructor(folder)
    small_course.hand_in(folder / "class", "honest", small_course.answered())
    for name in attacks:
        if name in CODE:
            small_course.hand_in(folder / "class", name, CODE[name].notebook())
        else:
            FILES[name](folder / "class" / name)
    options = Options(sources=instructor, workers=2, limits=LIMITS, trusted=trusted)
    with things_to_find():
        results = grade(folder / "class", folder / "graded", options)
    output = {path.parts[-3]: path.read_text() for path in folder.glob("graded/autograded/*/*/*")}
    return Graded(folder, {result.student: result for result in results}, output)


@contextlib.contextmanager
def things_to_find():
    """A server on loopback that greets, one on an abstract socket, a password."""
    tcp = socket.create_server(("127.0.0.1", 0))
    abstract = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(OSError):  # another run of the tests may listen there already
        abstract.bind("\0course-attack")
        abstract.listen()
    threading.Thread(target=greet, args=[tcp], daemon=True).start()
    os.environ["GRADERS_PASSWORD"] = "a password"
    try:
        yield
    finally:
        tcp.shutdown(socket.SHUT_RDWR)
        tcp.close()
        abstract.close()
        del os.environ["GRADERS_PASSWORD"]


def greet(server: socket.socket) -> None:
    """Greet whoever connects, until the server is closed."""
    with contextlib.suppress(OSError):
        while True:
            server.accept()[0].sendall(b"a server of the machine")


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Graded:
    if problem := sandbox_problem():
        skip_or_fail(problem)
    return hand_in_and_grade(tmp_path_factory.mktemp("attacks"), [*CODE, *FILES])


def problems(result: SubmissionResult, expected: dict[str, str]) -> list[str]:
    """Questions whose points are not as expected: a number, ``review``, ``nothing`` (either 0 or
    review), or ``any`` of these."""
    found = {question.question.removesuffix("_check"): question for question in result.questions}
    wrong = []
    for name, wanted in expected.items():
        question = found[name]
        if question.points is None:
            right = wanted in ("review", "nothing", "any") and question.reason
        else:
            right = wanted == "any" or question.points == {"nothing": 0, "0": 0, "2": 2}.get(wanted)
        if not right:
            wrong.append(f"{name}: {question} instead of {wanted}")
    return wrong


@pytest.mark.parametrize("attack", CODE.values(), ids=CODE)
def test_attack_by_code_gets_what_it_deserves(graded, attack):
    result = graded.results[attack.name]
    assert problems(result, attack.expected) == []
    if attack.reason:
        assert any(re.search(attack.reason, question.reason) for question in result.questions)
    if "review" in attack.expected.values():
        assert (result.status, result.points) == (Status.NEEDS_REVIEW, None)


@pytest.mark.parametrize("attack", [a for a in CODE.values() if a.never], ids=lambda a: a.name)
def test_attack_never_finds_what_it_looks_for(graded, attack):
    assert attack.never not in outputs_of(graded.output[attack.name])


@pytest.mark.parametrize("attack", [a for a in CODE.values() if a.page], ids=lambda a: a.name)
def test_attack_never_gets_into_the_page(graded, attack):
    page = graded.folder / "graded" / "feedback" / attack.name / f"{small_course.EXERCISE}.html"
    assert attack.page in nbformat.writes(attack.notebook())
    assert attack.page not in outputs_of(graded.output[attack.name])
    assert attack.page not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_attack_by_file_gets_what_it_deserves(graded, name):
    expected = notebooks.EXPECTED[FILES[name]]
    result = graded.results[name]
    if re.fullmatch(r"\w+ \d, \w+ \d", expected):
        assert problems(result, points_in(expected)) == []
        assert result.max_points == 5
    else:
        assert (result.status, result.points) == (Status.NEEDS_REVIEW, None)
        assert re.search(expected, " ".join(result.reasons)), result.reasons


def test_honest_learner_gets_all_points(graded):
    result = graded.results["honest"]
    assert problems(result, {"double": "2", "largest": "2"}) == []
    assert [question.reason for question in result.questions] == ["", "", ""]


def test_nobody_is_forgotten(graded):
    assert set(graded.results) == {"honest", *CODE, *FILES}


def test_nothing_is_left_behind(graded):
    running = [command_of(child) for child in psutil.Process().children(recursive=True)]
    assert [line for line in running if "bwrap" in line or "grading.worker" in line] == []
    places = [graded.folder, Path("/tmp"), Path(page.__file__).parents[1], Path(os.sep)]
    left = [list(place.glob(LEFT_BEHIND)) for place in places]
    assert [*left, list(graded.folder.glob(f"**/{LEFT_BEHIND}"))] == [[]] * 5
    assert list(graded.folder.glob(f"graded/.work/{FOLDER_PREFIX}*")) == []


def command_of(process: psutil.Process) -> str:
    """The command line of a process, as long as there is one."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_hidden_tests_are_in_no_feedback(graded):
    pages = list((graded.folder / "graded" / "feedback").glob("*/*.html"))
    assert len(pages) >= len(CODE)
    assert [page for page in pages if small_course.HIDDEN in page.read_text("utf-8")] == []


def test_without_a_sandbox_these_attacks_find_what_they_look_for(tmp_path):
    graded = hand_in_and_grade(tmp_path, READING, trusted=True)
    found = {name: "FOUND" in outputs_of(graded.output[name]) for name in READING}
    assert found == dict.fromkeys(READING, True)
    assert not any(result.sandboxed for result in graded.results.values())


def outputs_of(notebook: str) -> str:
    """All that the cells of a notebook printed or displayed; tracebacks repeat their source."""
    cells = nbformat.reads(notebook, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "".join(str([output.get("text"), output.get("data")]) for output in outputs)
