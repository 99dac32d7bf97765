"""No notebook keeps the grader busy: each is cleaned at once, or needs review with a sentence."""

import json
import re

import nbformat
import pytest

from course_admin.grading import cleaning
from course_admin.grading.cleaning import Unreadable, clean
from course_admin.grading.limited import OverLimit
from course_checks import verdict


def notebook(*cells, **changed):
    """The bytes of a notebook."""
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    return json.dumps(content | changed).encode()


def cell(**changed):
    return {"cell_type": "code", "source": "x", "metadata": {}, "outputs": []} | changed


def of_format_3(**changed):
    worksheet = {"metadata": {}, "cells": [{"cell_type": "code", "input": "x"} | changed]}
    return notebook(nbformat=3, metadata={"name": ""}, worksheets=[worksheet])


IDS = {
    "twice": ["a", "a"],
    "names of copies": ["A" * 40, "A" * 40 + "-again-3", "A" * 40],
    "our own names": ["a", "a", "again-1", "again-2", "a"],
    "two thousand": ["a"] * 1000 + [f"again-{number}" for number in range(1000)],
    "huge": ["a" * 1_000_000] * 2,
    "of other types": [1, [1], {"a": 1}, None],
}


@pytest.mark.parametrize("ids", IDS.values(), ids=IDS)
def test_ids_become_unique(ids):
    cells = clean(notebook(*(cell(id=one) for one in ids))).notebook.cells
    assert len({one.id for one in cells}) == len(ids)
    valid = re.compile(r"[\w-]{1,64}")
    assert all(valid.fullmatch(one.id) for one in cells)


def test_ids_that_are_unique_are_kept():
    cells = clean(notebook(cell(id="b"), cell(id="again-1"))).notebook.cells
    assert [one.id for one in cells] == ["b", "again-1"]


MARK = {"nbgrader": {"grade_id": "q1"}}
TAKEN = {
    "two thousand cells": notebook(*[cell(metadata=MARK)] * 2000),
    "many outputs": notebook(cell(outputs=[{"a": 1}] * 100_000)),
    "long source": notebook(cell(source="x" * 10_000_000)),
    "lone surrogates": notebook(cell(source="\ud800" * 100_000)),
    "points that are none": notebook(cell(metadata={"nbgrader": {"points": float("nan")}})),
    "UTF-16": notebook(cell()).decode().encode("utf-16"),
}


@pytest.mark.parametrize("content", TAKEN.values(), ids=TAKEN)
def test_large_or_odd_notebook_is_cleaned(content):
    nbformat.validate(clean(content).notebook)


REFUSED = {
    "deep": notebook()[:-1] + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep in format 3": of_format_3().replace(b'"x"', b"[" * 900 + b"]" * 900),
    "heading of a billion levels": of_format_3(cell_type="heading", level=10**9, source="a"),
    "type of a cell": notebook(cell(cell_type=["code"])),
    "UTF-32": notebook(cell()).decode().encode("utf-32"),
    "Latin-1": "é".encode("latin-1"),
    "only spaces": b" " * 10_000_000,
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_hostile_notebook_is_refused_with_a_sentence(content):
    with pytest.raises(Unreadable):
        clean(content)


def test_notebook_that_takes_too_long_needs_review(monkeypatch):
    def too_long(*arguments):
        raise OverLimit("takes more than 30 seconds")

    monkeypatch.setattr(cleaning, "call_limited", too_long)
    with pytest.raises(Unreadable, match="takes more than 30 seconds to be read: look at it"):
        clean(notebook(cell()))


GOOD = {"score": 0.5, "misconception": "off-by-one"}
ATTEMPTS = {
    "as a notebook writes them": ({"three": [GOOD, GOOD]}, {"three": [GOOD, GOOD]}),
    "other text": (
        {"three": [{"score": 1, "misconception": "<b>"}]},
        {"three": [{"score": 1.0, "misconception": None}]},
    ),
    "impossible scores": (
        {"three": [{"score": s} for s in (2, -1, "1", True, None, float("nan"))]},
        {"three": []},
    ),
    "too many": ({"three": [GOOD] * 500}, {"three": [GOOD] * verdict.MOST_ATTEMPTS}),
    "no lists": ({"three": "x", "a b": [GOOD], "four": [[]]}, {"three": [], "four": []}),
    "no dict": ([GOOD], None),
}


@pytest.mark.parametrize(("given", "kept"), ATTEMPTS.values(), ids=ATTEMPTS)
def test_attempts_are_kept_as_far_as_they_have_the_right_form(given, kept):
    cleaned = clean(notebook(cell(), metadata={"attempts": given}))
    assert cleaned.notebook.metadata.get("attempts") == kept
