"""Answers that are alike are found, and answers that only look alike are not."""

import nbformat
import pytest

from course_admin.cli import main
from course_admin.grading.similarity import Answer, Pair, alike, runs_of, similarity_page

GIVEN = "def covering(model, image):\n    raise NotImplementedError"

ADA = """
def covering(model, image):
    # squares from the top left on
    height, width = image.shape[:2]
    drops = []
    for top in range(0, height, 8):
        for left in range(0, width, 8):
            copy = image.copy()
            copy[top:top + 8, left:left + 8] = 127
            drops.append(float(model.predict(copy[None], verbose=0)[0].max()))
    return np.array(drops).reshape(height // 8, width // 8)
"""
RENAMED = (
    ADA.replace("height", "h").replace("width", "w").replace("drops", "found").replace("top", "y")
).replace("    # squares from the top left on\n", "    '''My own answer.'''\n")
OTHERWISE = """
def covering(model, image):
    rows = np.arange(0, len(image), 8)
    stack = np.stack([image] * len(rows) ** 2)
    for number, (row, column) in enumerate(itertools.product(rows, rows)):
        stack[number, row : row + 8, column : column + 8, :] = 127
    scores = model.predict(stack, verbose=0)
    return scores.max(axis=1).reshape(len(rows), -1)
"""
NOT_PYTHON = "def covering(:\n" * 50
DEEP = "x = " + "-" * 200_000 + "1"


def pairs(sources: dict[str, str], given: str = GIVEN) -> list[tuple[str, str]]:
    return [(first.student, second.student) for first, second, _ in alike(sources, given)]


def test_renamed_answer_is_found_and_another_way_is_not():
    assert pairs({"ada": ADA, "bob": RENAMED, "cem": OTHERWISE}) == [("ada", "bob")]


def test_share_says_how_much_is_the_same():
    ((_, _, share),) = alike({"ada": ADA, "bob": RENAMED}, GIVEN)
    assert share == 1
    longer = ADA + "\n\nprint(sorted(set(map(str, range(10))), key=len, reverse=True)[:3])\n" * 5
    ((_, _, share),) = alike({"ada": longer, "bob": OTHERWISE + ADA}, GIVEN)
    assert 0.6 <= share < 1


def test_what_the_instructors_version_has_says_nothing():
    assert pairs({"ada": ADA, "bob": RENAMED}, given=ADA) == []


def test_what_many_have_says_nothing():
    names = ["ada", "bob", "cem", "dua", "eva"]
    assert pairs(dict.fromkeys(names, ADA)) == []
    assert len(pairs(dict.fromkeys(names[:3], ADA))) == 3


def test_short_answers_are_not_compared():
    short = "def covering(model, image):\n    return image.mean(axis=(0, 1))"
    assert pairs({"ada": short, "bob": short}) == []


@pytest.mark.parametrize("source", [NOT_PYTHON, DEEP, "", "\0", "def f(" + "(" * 500])
def test_code_that_cannot_be_read_is_left_out(source):
    assert pairs({"ada": source, "bob": source, "cem": ADA, "dua": RENAMED}) == [("cem", "dua")]


def test_names_of_libraries_stay():
    assert runs_of(ADA) != runs_of(ADA.replace("np.array", "tf.array"))
    assert runs_of(ADA) == runs_of(RENAMED)


def test_page_escapes_what_learners_wrote():
    answer = Answer("<b>ada</b>", "print('<script>alert(1)</script>')", frozenset())
    text = similarity_page([Pair("02", "ex02_q2", answer, answer, 0.75)])
    assert "ex02_q2: 75% alike" in text
    assert "<script>" not in text and "<b>" not in text
    assert "No two answers are alike" in similarity_page([])


def answered(folder, student, source):
    cell = nbformat.v4.new_code_cell(source)
    cell.metadata.nbgrader = {"grade_id": "ex02_q2", "solution": True, "grade": False}
    path = folder / "submitted" / student / "02" / "02.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


def test_command_writes_the_page_for_the_instructor_alone(tmp_path, capsys):
    graded, instructor = tmp_path / "graded", tmp_path / "instructor"
    for student, source in (("ada", ADA), ("bob", RENAMED), ("cem", OTHERWISE)):
        answered(graded, student, source)
    original = answered(tmp_path, "instructor", GIVEN)
    (instructor / "source" / "02").mkdir(parents=True)
    original.rename(instructor / "source" / "02" / "02.ipynb")
    command = ["similar", "--into", str(graded), "--instructor", str(instructor)]
    assert main(command) == 0
    assert "1 pairs of answers are alike" in capsys.readouterr().out
    page = graded / "similar.html"
    assert page.stat().st_mode & 0o777 == 0o600
    assert "ada" in page.read_text() and "cem" not in page.read_text()


def test_folder_without_hand_ins_is_an_error(tmp_path, capsys):
    assert main(["similar", "--into", str(tmp_path)]) != 0
    assert "holds no hand-ins" in capsys.readouterr().err
