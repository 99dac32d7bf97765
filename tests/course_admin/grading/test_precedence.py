"""A grade is replaced only by what is known to be newer and not late, and never silently."""

import hashlib
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_admin.grading.collect import Submission
from course_admin.grading.gradebook import GradingRecord
from course_admin.grading.precedence import digest_of, keeps_without_copy, settle
from course_admin.grading.results import Origin

EXERCISE = "03_feature_extractor"
MONDAY, TUESDAY = datetime(2026, 3, 2, 12), datetime(2026, 3, 3, 12)
ADA = Origin("folder", "ada", None, "first.ipynb", digest="1")
FIRST = hashlib.sha256(b"first").hexdigest()
ON_CANVAS = Origin("canvas", "lovelaceada", "12", "first.ipynb", 700, "1")


@pytest.fixture
def handed_in(tmp_path):
    """A function that hands in; what is graded lies in the folder submitted."""
    (tmp_path / "submitted" / "ada" / EXERCISE).mkdir(parents=True)
    (tmp_path / "submitted" / "ada" / EXERCISE / f"{EXERCISE}.ipynb").write_text("first")

    def run(record, on_conflict="review", *, origin=ADA, content="second", path=True, **facts):
        new = tmp_path / "collected" / f"{EXERCISE}.ipynb"
        new.parent.mkdir(exist_ok=True)
        new.write_text(content)
        origin = replace(origin, file="second.ipynb", digest=content)
        facts = {"timestamp": TUESDAY, "origin": origin, **facts}
        submission = Submission("ada", EXERCISE, new if path else None, **facts)
        return settle(submission, record, tmp_path, on_conflict)

    return run


def record(time=MONDAY, **facts):
    stamp = time.isoformat() if time else None
    facts = {"origin": ADA, "notes": ["a note"], "copy": FIRST, **facts}
    return GradingRecord("x", timestamp=stamp, **facts)


def text(submission):
    return submission.path.read_text()


def test_without_a_grade_what_comes_is_graded(handed_in):
    for nothing in (None, record(problem="is damaged")):
        assert text(handed_in(nothing, late=True)) == "second"


def test_newer_replaces_with_a_note(handed_in):
    got = handed_in(record(history=["older story"]))
    assert text(got) == "second" and got.contested is None
    assert got.history == [
        "older story",
        "second.ipynb (2026-03-03 12:00) replaced first.ipynb (2026-03-02 12:00)",
    ]


CONFLICTS = {
    "older": (record(TUESDAY), {"timestamp": MONDAY}, "it is older"),
    "same time": (record(TUESDAY), {}, "not known which is newer"),
    "no time": (record(), {"timestamp": None}, "not known which is newer"),
    "no time before": (record(None), {}, "not known which is newer"),
    "the time of zips without any": (
        record(),
        {"timestamp": datetime(1980, 1, 1)},
        "not known which is newer",
    ),
    "late": (record(late=False), {"late": True}, "it is late"),
    "late after who knows": (record(late=None), {"late": True}, "it is late"),
    "who knows after on time": (record(late=False), {"late": None}, "whether it is late"),
    "unreadable": (record(), {"path": False, "problem": "is damaged"}, "graded (is damaged)"),
    "another platform": (record(), {"origin": ON_CANVAS}, "another person or platform"),
    "another person": (record(), {"origin": replace(ADA, name="áda")}, "another person"),
    "another number": (
        record(origin=ON_CANVAS),
        {"origin": replace(ON_CANVAS, number="13", attachment=900)},
        "another person",
    ),
    "an older attachment": (
        record(origin=ON_CANVAS),
        {"origin": replace(ON_CANVAS, attachment=699)},
        "it is older",
    ),
}


@pytest.mark.parametrize(("old", "facts", "says"), CONFLICTS.values(), ids=CONFLICTS)
def test_everything_else_keeps_the_grade_and_asks(handed_in, old, facts, says):
    got = handed_in(old, **facts)
    assert text(got) == "first", "the graded copy is not overwritten"
    assert says in got.contested
    assert (got.origin, got.late, got.notes) == (old.origin, old.late, old.notes)
    assert got.problem is None


@pytest.mark.parametrize(("old", "facts", "says"), CONFLICTS.values(), ids=CONFLICTS)
def test_a_person_decides(handed_in, old, facts, says):
    kept = handed_in(old, "keep", **facts)
    assert text(kept) == "first" and kept.contested is None
    assert says in kept.history[-1] and "did not replace" in kept.history[-1]
    replaced = handed_in(old, "replace", **facts)
    readable = "problem" not in facts
    assert text(replaced) == ("second" if readable else "first")
    assert (replaced.contested is None) is readable


def test_what_was_settled_is_not_asked_again(handed_in):
    kept = handed_in(record(), "keep", late=True)
    old = record(history=kept.history, settled=kept.settled)
    again = handed_in(old, late=True)
    assert (again.contested, again.history, text(again)) == (None, kept.history, "first")
    newer = handed_in(record())
    old = record(TUESDAY, origin=newer.origin, settled=newer.settled, copy=FIRST)
    again = handed_in(old, content="1", timestamp=MONDAY)
    assert again.contested is None and again.origin == newer.origin
    assert handed_in(old, content="third", timestamp=MONDAY).contested
    replaced = handed_in(old, "replace", content="1", timestamp=MONDAY)
    assert text(replaced) == "1" and replaced.settled == ["second"]


def test_late_may_follow_late_and_a_newer_attachment_an_older_one(handed_in):
    got = handed_in(
        record(TUESDAY, origin=ON_CANVAS, late=True),
        origin=replace(ON_CANVAS, attachment=701, name="lovelacekingada"),
        late=True,
        timestamp=MONDAY,
    )
    assert text(got) == "second" and "replaced" in got.history[0]


def test_the_same_file_again_changes_nothing(handed_in):
    old = record(late=False, history=["story"], contested="a question", origin=ON_CANVAS)
    got = handed_in(old, origin=replace(ON_CANVAS, attachment=900), content="1", late=True)
    assert (got.late, got.timestamp, got.origin.attachment) == (False, MONDAY, 700)
    assert (got.history, got.contested) == (["story"], "a question")
    assert handed_in(old, "keep", origin=ON_CANVAS, content="1").contested is None


def test_a_doubt_within_one_download_stays_until_a_person_decides(handed_in):
    assert handed_in(None, contested="a or b?").contested == "a or b?"
    assert handed_in(None, "keep", contested="a or b?").contested is None


def test_a_file_that_cannot_be_read_this_time_costs_no_grade(handed_in):
    got = handed_in(record(), content="1", path=False, problem="takes too long")
    assert text(got) == "first" and "cannot be graded (takes too long)" in got.contested


def test_a_grade_whose_copy_is_gone_is_not_computed_again(handed_in, tmp_path):
    copy = tmp_path / "submitted" / "ada" / EXERCISE / f"{EXERCISE}.ipynb"
    copy.write_text("another one, of a run that was killed before it had a grade")
    assert keeps_without_copy(handed_in(record(), late=True))
    copy.unlink()
    assert keeps_without_copy(handed_in(record(copy=""), late=True))
    assert keeps_without_copy(handed_in(record(), late=True))
    assert not keeps_without_copy(handed_in(None, path=False, problem="is damaged"))


MINUTES = st.none() | st.integers(0, 3)
HAND_INS = st.lists(
    st.tuples(MINUTES, st.sampled_from([None, False, True]), st.sampled_from("abc"), MINUTES),
    min_size=2,
    max_size=6,
)


@settings(deadline=None, max_examples=300)
@given(HAND_INS)
def test_whatever_comes_in_whatever_order_no_grade_changes_in_silence(tmp_path_factory, hand_ins):
    into, graded = tmp_path_factory.mktemp("graded"), None
    for minute, late, content, attachment in hand_ins:
        time = None if minute is None else datetime(2026, 3, 2, 12, minute)
        origin = replace(ON_CANVAS, attachment=(attachment or 0) + 1, digest=content)
        path = into / f"{EXERCISE}.ipynb"
        path.write_text(content)
        got = settle(
            Submission("ada", EXERCISE, path, time, late, origin=origin), graded, into, "review"
        )
        facts = {"origin": got.origin, "history": got.history, "contested": got.contested}
        facts["settled"] = got.settled
        new = record(got.timestamp, late=got.late, copy=digest_of(got.path), **facts)
        assert text(got) == got.origin.digest
        if graded and content != graded.origin.digest:
            if got.origin.digest == content:
                assert len(got.history) == len(graded.history) + 1
                assert late is not True or graded.late
                assert origin.attachment > graded.origin.attachment
            elif content in graded.settled:
                assert got.history == graded.history and got.origin == graded.origin
            else:
                assert got.contested and (got.late, got.origin) == (graded.late, graded.origin)
        graded = new
