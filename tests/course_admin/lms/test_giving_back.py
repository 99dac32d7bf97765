"""Grades get into the row of the person or nowhere, in files as Moodle and Canvas write them."""

import zipfile
from dataclasses import replace

import pytest
from lms import classroom
from lms.classroom import (
    ADA,
    ANA,
    CLASS,
    EXERCISE,
    JOSE,
    LUKASZ,
    MINJUN,
    NOBODY,
    OTHER_ANA,
    ZOE,
    Learner,
    php_csv,
)

from course_admin.grading.gradebook import UNKNOWN
from course_admin.grading.results import Origin, QuestionResult, Status, SubmissionResult
from course_admin.lms.canvas import read_gradebook
from course_admin.lms.giving_back import give_back, summary
from course_admin.lms.identity import Identity
from course_admin.lms.moodle import read_worksheet, write_feedback


def result(platform, name, number, points=4.5, status=Status.GRADED, reasons=(), of=5.0):
    student = Identity(platform, name, number).student
    questions = [QuestionResult("q", points, of)]
    origin = Origin(platform, name, number)
    return SubmissionResult(student, EXERCISE, status, questions, list(reasons), origin=origin)


def in_moodle(who: Learner, points=4.5, **facts):
    name = classroom.clean_filename(who.name.replace("_", " "))
    return result("moodle", name, str(who.moodle_number(EXERCISE)), points, **facts)


def in_canvas(who: Learner, points=4.5, **facts):
    name = "".join(letter for letter in who.sortable.lower() if letter.isalnum())
    return result("canvas", name, str(who.number), points, **facts)


def written(tmp_path, rows, delimiter=",", mark="", newline="\n"):
    path = tmp_path / "table.csv"
    path.write_bytes((mark + php_csv(rows, delimiter, newline)).encode())
    return path


def filled(table, results):
    given = give_back(table, results)
    out = table.sheet.path.with_name("out.csv")
    table.sheet.write(out)
    return given, out.read_bytes().decode()


@pytest.mark.parametrize("language", classroom.MOODLE_HEADERS)
@pytest.mark.parametrize(("delimiter", "mark"), [(",", "\ufeff"), (";", ""), ("\t", "")])
def test_moodle_takes_the_grades_and_finds_nothing_else_changed(
    tmp_path, language, delimiter, mark
):
    maximum = "5,00" if language == "de" else "5.00"
    rows = classroom.worksheet(language=language, maximum=maximum)
    path = written(tmp_path, rows, delimiter, mark, "\r\n")
    graded = {MINJUN: 4.5, JOSE: 5.0, ANA: 0.0, OTHER_ANA: 3.25, ZOE: 1.0}
    given, text = filled(read_worksheet(path), [in_moodle(*pair) for pair in graded.items()])
    expected = {str(who.moodle_number(EXERCISE)): points for who, points in graded.items()}
    assert classroom.moodle_grades(text, language, delimiter) == expected
    for row, who in zip(rows[1:], CLASS, strict=True):
        if who in graded:
            row[4] = f"{graded[who]:.2f}".replace(".", maximum[1])
    assert text == mark + php_csv(rows, delimiter, "\r\n")
    assert given.filled == 5 and NOBODY.name in given.without


def test_nobody_gets_a_number_who_has_no_grade(tmp_path):
    table = read_worksheet(written(tmp_path, classroom.worksheet(grades={ZOE: "2.00"})))
    results = [
        in_moodle(MINJUN, None, status=Status.NEEDS_REVIEW, reasons=["is damaged"]),
        in_moodle(JOSE, None, status=Status.BY_HAND),
        in_moodle(ZOE, 4.0, status=Status.NEEDS_REVIEW),
        in_moodle(ANA, 0.0),
    ]
    given, text = filled(table, results)
    numbers = {str(who.moodle_number(EXERCISE)): who for who in CLASS}
    found = {numbers[number]: grade for number, grade in classroom.moodle_grades(text).items()}
    assert found == {ANA: 0.0, ZOE: 2.0}
    assert "김민준: needs review (is damaged)" in given.left
    assert f"{JOSE.name}: to be marked by hand" in given.left
    said = summary(given, table.sheet.path)
    assert "1 grades" in said and "Nothing handed in" in said and NOBODY.name in said


def test_a_grade_of_the_platform_is_changed_with_a_word_about_it(tmp_path):
    rows = classroom.worksheet(grades={ZOE: "2.00", ANA: "4.5"})
    given, text = filled(read_worksheet(written(tmp_path, rows)), [in_moodle(ZOE), in_moodle(ANA)])
    assert given.changed == ["Zoë O'Neill: 2.00 before, 4.50 now"]
    assert ",4.5,5.00" in text, "what was equal is as it was"


def test_points_are_scaled_to_the_maximum_of_the_platform(tmp_path):
    table = read_worksheet(written(tmp_path, classroom.worksheet(maximum="100")))
    given, text = filled(table, [in_moodle(ZOE, 4.5)])
    assert list(classroom.moodle_grades(text).values()) == [90.0]
    assert "multiplied by 20" in summary(given, table.sheet.path)


def test_strangers_are_listed_and_get_no_row(tmp_path):
    stranger = Learner("Mallory", "Mallory", "m@uni.example", 99)
    other_site = result("moodle", "Somebody Else", str(ZOE.moodle_number(EXERCISE)))
    of_canvas = in_canvas(ANA)
    twice = [in_moodle(MINJUN), result("moodle", "김 민준", str(MINJUN.moodle_number(EXERCISE)))]
    table = read_worksheet(written(tmp_path, classroom.worksheet()))
    results = [in_moodle(stranger), other_site, of_canvas, *twice, in_moodle(JOSE)]
    given, text = filled(table, results)
    assert list(classroom.moodle_grades(text)) == [str(JOSE.moodle_number(EXERCISE))]
    assert given.unmatched == ["Mallory (moodle 30099)", "lópezana (canvas 14)"]
    assert any("is of Somebody Else" in left for left in given.left)
    assert any("enter by hand the one that counts" in left for left in given.left)


def test_the_number_of_another_platform_is_another_persons(tmp_path):
    table = read_worksheet(written(tmp_path, classroom.worksheet()))
    elsewhere = result("canvas", ANA.name, str(ANA.moodle_number(EXERCISE)))
    given, text = filled(table, [elsewhere, in_moodle(ZOE)])
    assert list(classroom.moodle_grades(text)) == [str(ZOE.moodle_number(EXERCISE))]
    assert given.unmatched == ["Ana López (canvas 30014)"]


def test_a_hand_in_that_nobody_recognised_is_no_missing_one(tmp_path):
    unknown = replace(in_moodle(ZOE), exercise=UNKNOWN, questions=[], reasons=["holds no cells"])
    elsewhere = replace(unknown, origin=Origin("moodle", "Zoe", "1"))
    table = read_worksheet(written(tmp_path, classroom.worksheet()))
    given = give_back(table, [replace(unknown, status=Status.NEEDS_REVIEW), elsewhere])
    assert given.left == ["Zoë O'Neill: needs review (holds no cells)"]
    assert ZOE.name not in given.without and not given.unmatched


def test_a_team_has_one_grade_and_each_member_gets_it(tmp_path):
    people = [
        Learner(f"N{i}", f"N{i}", f"{i}@x", i, "Team A" if i < 3 else "B_2") for i in range(5)
    ]
    number_of_a_person = str(people[4].moodle_number(EXERCISE))
    results = [
        result("moodle", "Team A", number_of_a_person, 4.0),
        result("moodle", "B 2", "8", 2.0),
    ]
    table = read_worksheet(written(tmp_path, classroom.worksheet(people=tuple(people))))
    given, text = filled(table, results)
    assert list(classroom.moodle_grades(text).values()) == [4.0] * 3 + [2.0] * 2
    assert [row.name for row, _ in given.handed_in] == ["N0", "N1", "N2", "N3", "N4"]


def test_a_name_like_a_status_is_no_team(tmp_path):
    table = read_worksheet(written(tmp_path, classroom.worksheet()))
    eve = result("moodle", "No submission", "7", 5.0)
    given, text = filled(table, [eve, in_moodle(ANA)])
    assert list(classroom.moodle_grades(text)) == [str(ANA.moodle_number(EXERCISE))]
    assert given.unmatched == ["No submission (moodle 7)"]


def test_anonymous_marking_knows_numbers_only(tmp_path):
    rows = [row[:1] + row[3:] for row in classroom.worksheet()]
    table = read_worksheet(written(tmp_path, rows))
    _, text = filled(table, [result("moodle", "Participant", str(ZOE.moodle_number(EXERCISE)))])
    assert classroom.moodle_grades(text) == {str(ZOE.moodle_number(EXERCISE)): 4.5}


def test_what_a_learner_typed_is_no_maximum(tmp_path):
    rows = classroom.worksheet(people=(ZOE,), grades={ZOE: "3.00"})
    rows[0].insert(8, "Online text")
    rows[1].insert(8, "100")
    rows[1][-1] = "7"
    table = read_worksheet(written(tmp_path, rows))
    assert (table.column, table.maximum) == (4, "5.00")


def test_wrong_tables_are_errors_that_say_what_to_do(tmp_path):
    other = written(tmp_path, classroom.worksheet(exercise=classroom.OTHER))
    with pytest.raises(ValueError, match="same assignment and site"):
        give_back(read_worksheet(other), [in_moodle(ANA)])
    with pytest.raises(ValueError, match="choose points as the type of grade"):
        read_worksheet(written(tmp_path, classroom.worksheet(maximum="good\nbad")))
    with pytest.raises(ValueError, match="Download grading worksheet"):
        read_worksheet(written(tmp_path, classroom.gradebook()))
    with pytest.raises(ValueError, match="holds a participant twice"):
        read_worksheet(written(tmp_path, classroom.worksheet(people=(ANA, ANA))))
    with pytest.raises(ValueError, match="Export Entire Gradebook"):
        read_gradebook(written(tmp_path, classroom.worksheet()), EXERCISE)


def test_feedback_goes_to_whom_moodle_finds_in_the_folders_names(tmp_path):
    people = (ZOE, LUKASZ, Learner("Eve_99_x / ..", "Eve", "e@x", 3))
    table = read_worksheet(written(tmp_path, classroom.worksheet(people=people)))
    results = [in_moodle(who) for who in people]
    for one in results:
        page = tmp_path / "feedback" / one.student / f"{EXERCISE}.html"
        page.parent.mkdir(parents=True)
        page.write_text(one.origin.name)
    page.unlink()
    given = give_back(table, results)
    archive = tmp_path / "feedback.zip"
    assert write_feedback(given.handed_in, tmp_path / "feedback", archive) == 2
    page.write_text("Eve")
    assert write_feedback(given.handed_in, tmp_path / "feedback", archive) == 3
    numbers = {str(who.moodle_number(EXERCISE)) for who in people}
    got = classroom.moodle_feedback((tmp_path / "feedback.zip").read_bytes(), numbers)
    assert got == dict.fromkeys(numbers, f"{EXERCISE}.html")


def test_a_page_that_is_not_final_is_not_given_back(tmp_path):
    waiting = in_moodle(ZOE, None, status=Status.BY_HAND)
    waiting.questions.insert(0, QuestionResult("first", 0.0, 1))
    damaged = in_moodle(ADA, None, status=Status.NEEDS_REVIEW, reasons=["is damaged"])
    for one in (waiting, damaged):
        (tmp_path / one.student).mkdir()
        (tmp_path / one.student / f"{EXERCISE}.html").write_text("a page")
    table = read_worksheet(written(tmp_path, classroom.worksheet()))
    handed_in = give_back(table, [waiting, damaged]).handed_in
    assert len(handed_in) == 2
    assert write_feedback(handed_in, tmp_path, tmp_path / "feedback.zip") == 1
    with zipfile.ZipFile(tmp_path / "feedback.zip") as archive:
        assert archive.namelist()[0].startswith("Ada Lovelace_30018_assignfeedback_file_/")


@pytest.mark.parametrize(("delimiter", "mark"), [(",", ""), (";", "\ufeff")])
def test_canvas_takes_the_grades_and_finds_nothing_else_changed(tmp_path, delimiter, mark):
    rows = classroom.gradebook(zoe="3.00")
    table = read_gradebook(written(tmp_path, rows, delimiter, mark), EXERCISE)
    graded = {MINJUN: 4.5, ANA: 0.0, OTHER_ANA: 3.25, ZOE: 3.0}
    given, text = filled(table, [in_canvas(*pair) for pair in graded.items()])
    for row, who in zip(rows[3:], CLASS, strict=True):
        if who in graded:
            row[6] = f"{graded[who]:.2f}"
    assert text == mark + php_csv(rows, delimiter)
    assert given.filled == 4 and not given.changed
    if delimiter == ",":
        expected = {str(who.number): f"{points:.2f}" for who, points in graded.items()}
        assert classroom.canvas_grades(text) == expected


def test_excused_and_unassigned_people_are_left_alone(tmp_path):
    rows = classroom.gradebook(zoe="EX", jose="N/A")
    table = read_gradebook(written(tmp_path, rows), EXERCISE)
    given, text = filled(table, [in_canvas(ZOE), in_canvas(JOSE), in_canvas(ANA)])
    assert text.count(",EX,") == text.count(",N/A,") == 1 and given.filled == 1
    assert any("the table says EX there" in left for left in given.left)


def test_a_canvas_group_under_a_members_number_is_for_the_instructor(tmp_path):
    table = read_gradebook(written(tmp_path, classroom.gradebook()), EXERCISE)
    given, _ = filled(table, [result("canvas", "group7", str(ZOE.number)), in_canvas(ANA)])
    assert given.filled == 1 and "is of group7" in given.left[0]


def test_a_gradebook_with_first_and_last_names(tmp_path):
    rows = classroom.gradebook()
    rows = [[*row[0].split(", ", 1), *row[1:]] if ", " in row[0] else ["", *row] for row in rows]
    rows[0][:2] = ["LastName", "FirstName"]
    rows[2][:2] = ["    Points Possible", ""]
    _, text = filled(read_gradebook(written(tmp_path, rows), EXERCISE), [in_canvas(ZOE)])
    assert [line for line in text.splitlines() if ",4.50," in line][0].startswith("O'Neill,Zoë,16")


def test_the_column_of_canvas_is_certain_or_asked_for(tmp_path):
    rows = classroom.gradebook()
    path = written(tmp_path, rows)
    assert read_gradebook(path, EXERCISE, "502").sheet.header[7] == "Essay (502)"
    assert read_gradebook(path, EXERCISE, "Essay (502)").column == 7
    with pytest.raises(ValueError, match="with --assignment; there are: 91_small .501.; Essay"):
        read_gradebook(path, "12_tool")
    rows[0][7] = "91 small, again (503)"
    with pytest.raises(ValueError, match="with --assignment"):
        read_gradebook(written(tmp_path, rows), "91 small")
    for maximum in ("(read only)", "", "0"):
        with pytest.raises(ValueError, match="give the assignment points"):
            read_gradebook(written(tmp_path, classroom.gradebook(maximum=maximum)), EXERCISE)
