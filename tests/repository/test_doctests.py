"""The examples in docstrings show what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("course_utils", "course_checks", "course_admin", "data_scripts", "experiments")
WITH_EXAMPLES = [
    path.relative_to(REPOSITORY).with_suffix("").as_posix().replace("/", ".")
    for room in ROOMS
    for path in sorted((REPOSITORY / room).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0 and result.failed == 0


def test_wrong_example_is_found(tmp_path, monkeypatch):
    (tmp_path / "example.py").write_text('"""\n>>> 1 + 1\n3\n"""\n')
    monkeypatch.syspath_prepend(tmp_path)
    assert doctest.testmod(importlib.import_module("example"), verbose=False).failed == 1
