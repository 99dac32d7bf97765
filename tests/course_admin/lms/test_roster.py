"""A roster joins the numbers of one person, and never two people."""

from dataclasses import replace

import pytest
from lms import classroom
from lms.classroom import ANA, CLASS, EXERCISE, MINJUN, OTHER, OTHER_ANA, php_csv

from course_admin.lms.identity import Identity
from course_admin.lms.roster import Roster


def written(tmp_path, name, rows):
    path = tmp_path / name
    path.write_text(php_csv(rows), encoding="utf-8")
    return path


def in_moodle(who, exercise):
    return Identity("moodle", who.name, str(who.moodle_number(exercise)))


@pytest.fixture
def worksheets(tmp_path):
    return [
        written(tmp_path, f"{exercise}.csv", classroom.worksheet(exercise, language=language))
        for exercise, language in ((EXERCISE, "ko"), (OTHER, "en"))
    ]


def test_worksheets_join_the_assignments_of_one_person(worksheets):
    roster = Roster(worksheets)
    people = {roster.person(in_moodle(who, EXERCISE)) for who in CLASS}
    assert len(people) == len(CLASS)
    for who in CLASS:
        assert roster.person(in_moodle(who, EXERCISE)) == roster.person(in_moodle(who, OTHER))
        assert roster.person(in_moodle(who, OTHER)).email == who.email
    assert roster.person(in_moodle(ANA, OTHER)) != roster.person(in_moodle(OTHER_ANA, OTHER))


def test_a_list_of_participants_joins_only_names_that_are_there_once(tmp_path):
    split = [["First name", "Surname", "Email address"]]
    split += [[*who.name.rpartition(" ")[::2], who.email] for who in CLASS]
    full = [["name", "email"], *([who.name, who.email] for who in CLASS)]
    for number, rows in enumerate((split, full)):
        roster = Roster([written(tmp_path, f"{number}.csv", rows)])
        assert roster.person(in_moodle(MINJUN, OTHER)).email == MINJUN.email
        assert roster.person(in_moodle(ANA, OTHER)) is None
        assert roster.person(Identity("folder", "Zoe O'Neill")) is None, "ë is another letter"


def test_a_gradebook_says_whose_an_unclear_name_is(tmp_path):
    roster = Roster([written(tmp_path, "gradebook.csv", classroom.gradebook())])
    assert roster.knows(Identity("canvas", "lópezana", "14"))
    assert not roster.knows(Identity("canvas", "lópezana", "16"))
    assert not roster.knows(Identity("canvas", "lópezana_14", "77"))
    assert roster.person(Identity("canvas", "whoever", "14")).email == ANA.email
    assert roster.person(Identity("moodle", "whoever", "14")) is None


def test_two_people_with_one_address_stay_two(tmp_path):
    people = (ANA, replace(MINJUN, email=ANA.email.upper()))
    roster = Roster([written(tmp_path, "x.csv", classroom.worksheet(people=people))])
    assert roster.person(in_moodle(ANA, EXERCISE)) != roster.person(in_moodle(MINJUN, EXERCISE))


def test_a_chosen_name_joins_nothing_where_there_are_numbers(worksheets):
    roster = Roster(worksheets[:1])
    assert roster.person(Identity("moodle", MINJUN.name, "99999")) is None
    assert roster.person(in_moodle(MINJUN, OTHER)) is None, "its worksheet was not given"


def test_without_a_roster_nobody_is_known():
    assert Roster().person(in_moodle(ANA, OTHER)) is None
    assert not Roster().knows(in_moodle(ANA, OTHER))


def test_a_table_that_names_nobody_is_an_error(tmp_path):
    anonymous = [row[:1] + row[3:] for row in classroom.worksheet()]
    with pytest.raises(ValueError, match="shows no e-mail addresses"):
        Roster([written(tmp_path, "x.csv", anonymous)])
    with pytest.raises(ValueError, match="names nobody: give a grading worksheet"):
        Roster([written(tmp_path, "x.csv", [["one", "two"], ["1", "2"]])])
