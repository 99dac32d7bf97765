"""Whose is a file? No name makes it another's, and two people are never merged."""

import re
import unicodedata
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from course_admin.lms.identity import Identity, canvas_readings, owner_of

EXERCISES = ("03_feature_extractor", "05_fine_tuning")
ADA = Identity("canvas", "lovelaceada", "12345")
MOODLE_ADA = Identity("moodle", "Ada Lovelace", "123")


def owner(path, roster=None):
    return owner_of(tuple(path.split("/")), EXERCISES, roster)


CERTAIN = {
    "Ada Lovelace_123_assignsubmission_file_/x.ipynb": MOODLE_ADA,
    "Ada Lovelace_123_assignsubmission_file/a/x.ipynb": MOODLE_ADA,
    "Ada Lovelace_123_assignsubmission_file_x_9_8.ipynb": MOODLE_ADA,
    "Ada Lovelace_123_assignsubmission_onlinetext_/onlinetext.html": MOODLE_ADA,
    "Ada Lovelace_9_123_assignsubmission_file_/x": Identity("moodle", "Ada Lovelace_9", "123"),
    "Default group_assignsubmission_file_/x.ipynb": Identity("moodle", "Default group"),
    "lovelaceada_12345_67890_03_feature_extractor.ipynb": ADA,
    "lovelaceada_12345_67890_03_feature_extractor (1).ipynb": ADA,
    "lovelaceada_12345_67890_03_feature_extractor_final_AL.ipynb": ADA,
    "lovelaceada_LATE_12345_67890_05_Fine_Tuning-2.zip": ADA,
    "lovelaceada_12345_67890_my work.ipynb": ADA,
    "lovelaceada_12345_text.html": ADA,
    "anon_aB3xy_67890_03_feature_extractor.ipynb": Identity("canvas", "anon", "aB3xy"),
    "LATE_anon_aB3xy_67890_x.ipynb": Identity("canvas", "anon", "aB3xy"),
    "ada/03_feature_extractor/x.ipynb": Identity("folder", "ada"),
    "lovelaceada_12345_67890_x/03_feature_extractor.ipynb": Identity(
        "folder", "lovelaceada_12345_67890_x"
    ),
    "_77_888_x.ipynb": Identity("canvas", "", "77"),  # called by a heart or a star
    "_LATE_77_888_x.ipynb": Identity("canvas", "", "77"),
    "ada.zip": Identity("zip", "ada"),
}


@pytest.mark.parametrize(("path", "identity"), CERTAIN.items())
def test_what_can_be_read_in_one_way_is_read_so(path, identity):
    found = owner(path)
    assert (found.identity, found.problem) == (identity, None)
    assert found.late is (None if identity.platform != "canvas" else "LATE" in path)


UNCLEAR = [
    # a learner called "Ada Lovelace_123_assignsubmission_file", where the site keeps underscores
    "Ada Lovelace_123_assignsubmission_file_456_assignsubmission_file_/x.ipynb",
    "Ada Lovelace_assignsubmission_file_456_assignsubmission_file/x.ipynb",
    "Ada Lovelace_123_assignsubmission_file_456/x.ipynb",
    "Ada Lovelace_123_assignsubmission_file_x_assignsubmission_file_.ipynb",
    "_assignsubmission_file_/x.ipynb",
    # a learner called "lovelaceada_12345", with the number 77
    "lovelaceada_12345_77_888_x.ipynb",
    "lovelaceada_12345_77_888_03_feature_extractor.ipynb",
    # one called "lovelaceada_12345_999_03_feature_extractor", and a file with such a name
    "lovelaceada_12345_999_03_feature_extractor_77_888_x.ipynb",
    "lovelaceada_12345_999_03_feature_extractor_77_888_03_feature_extractor.ipynb",
    "eve_77_888_12345_67890_03_feature_extractor.ipynb",
    "anon_aB3xy_77_888_x.ipynb",
    "a" * 2000 + "_12_34_x.ipynb",
]


@pytest.mark.parametrize("path", UNCLEAR)
def test_what_can_be_read_in_two_ways_is_nobodys(path):
    found = owner(path)
    assert "put it into a folder" in found.problem
    assert found.identity.platform == "unclear" and found.identity.number is None
    assert not found.identity.is_same(ADA) and not found.identity.is_same(MOODLE_ADA)
    assert found.identity.student not in (ADA.student, MOODLE_ADA.student)


def test_a_roster_decides_only_if_one_reading_fits():
    path = "lovelaceada_12345_77_888_x.ipynb"
    eve = Identity("canvas", "lovelaceada_12345", "77")
    assert owner(path, SimpleNamespace(knows=lambda one: one == eve)).identity == eve
    assert owner(path, SimpleNamespace(knows=lambda one: True)).problem
    assert owner(path, SimpleNamespace(knows=lambda one: False)).problem


PEOPLE = [
    Identity("moodle", "Ada Lovelace", "12345"),
    Identity("folder", "Ada-Lovelace_12345"),
    Identity("zip", "Ada-Lovelace_12345"),
    Identity("moodle", "Ada-Lovelace_12345"),
    Identity("folder", "Ada Lovelace"),
    Identity("folder", "Ada-Lovelace"),
    Identity("folder", unicodedata.normalize("NFC", "Müller")),
    Identity("folder", unicodedata.normalize("NFD", "Müller")),
    Identity("folder", "Muller"),
    Identity("folder", Identity("folder", "Müller").student),
    Identity("moodle", "Müller"),
    Identity("folder", "anon_aB3xy"),
    Identity("canvas", "anon", "aB3xy"),
    Identity("folder", "李"),
    Identity("folder", "王"),
    Identity("folder", ".."),
    Identity("folder", "../.."),
    Identity("folder", "a" * 300),
    Identity("folder", "a" * 301),
    Identity("folder", "student"),
    Identity("unclear", "student"),
]


def test_odd_people_have_an_identifier_each():
    found = [one.student for one in PEOPLE]
    assert len(set(found)) == len(PEOPLE)
    assert all(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}", one) for one in found)


def test_a_number_makes_the_person_and_a_name_does_not():
    ada = Identity("moodle", "Ada Lovelace", "12345")
    assert ada.is_same(Identity("moodle", "Ada King", "12345"))
    assert not ada.is_same(Identity("moodle", "Ada Lovelace", "12346"))
    assert not ada.is_same(Identity("canvas", "Ada Lovelace", "12345"))
    assert not Identity("folder", "é").is_same(Identity("folder", "e\u0301"))


LETTERS = st.text(st.sampled_from("ab_019AéßЖ김.- "), min_size=1, max_size=24)
WITH_NUMBERS = st.lists(LETTERS | st.sampled_from(["12345", "999", "03", *EXERCISES]), min_size=1)
NAMES = LETTERS | WITH_NUMBERS.map("_".join)
FILES = NAMES | st.sampled_from([f"{name}.ipynb" for name in EXERCISES])


@settings(deadline=None, max_examples=300)
@given(NAMES, FILES)
@example("lovelaceada_12345", "x.ipynb")
@example("lovelaceada_12345_999_03_feature_extractor", "03_feature_extractor.ipynb")
def test_no_name_and_file_on_canvas_make_it_another_learners(name, file):
    name = re.sub(r"[^\w]", "", re.sub(r"_(\d+)_", r"\1", name).lower())
    found = owner(f"{name}_77_888_{file}")
    mine = Identity("canvas", name, "77")
    readings = [one.identity for one in canvas_readings(f"{name}_77_888_{file}", EXERCISES)]
    assert mine in readings
    assert found.problem or found.identity == mine


@settings(deadline=None, max_examples=300)
@given(NAMES, FILES, st.booleans())
@example("Ada Lovelace_123_assignsubmission_file", "x.ipynb", True)
@example("Ada Lovelace", "x_123_assignsubmission_file_y.ipynb", False)
def test_no_name_and_file_in_moodle_make_it_another_learners(name, file, folders):
    path = f"{name}_77_assignsubmission_file{'/' if folders else '_'}{file.replace('/', '')}"
    found = owner(path)
    assert found.problem or found.identity == Identity("moodle", name, "77")


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=40), st.text(max_size=40))
@example("Ж", "Ж ")
def test_two_folders_are_two_people(one, other):
    same = Identity("folder", one).student == Identity("folder", other).student
    assert same == (one == other)
