"""The description of code changes with the code and with what it uses, and with nothing else."""

import functools
import subprocess
import sys
import textwrap
import types

import numpy as np
import pytest

from course_utils.plumbing.fingerprints import _describe


def described(source: str, name: str = "f") -> str:
    """Describe what a notebook's cell defines."""
    space = {"__name__": "__main__", "np": np, "partial": functools.partial}
    exec(textwrap.dedent(source), space)
    return _describe(space[name])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f = lambda x: x + 1", "f = lambda x: x + 2"),
        ("f = lambda x: x.sum()", "f = lambda x: x.max()"),
        ("def f(x, a=1): return x + a", "def f(x, a=2): return x + a"),
        ("def f(x, *, a=1): return x + a", "def f(x, *, a=2): return x + a"),
        ("a = 1\ndef f(x): return x + a", "a = 2\ndef f(x): return x + a"),
        ("a = np.ones(3)\ndef f(x): return x + a", "a = np.zeros(3)\ndef f(x): return x + a"),
        ("f = (lambda a: lambda x: x + a)(1)", "f = (lambda a: lambda x: x + a)(2)"),
        ("def f(x): return [y + 1 for y in x]", "def f(x): return [y + 2 for y in x]"),
        (
            "def g(x): return x\ndef f(x): return map(lambda y: g(y), x)",
            "def g(x): return -x\ndef f(x): return map(lambda y: g(y), x)",
        ),
        ("f = partial(np.clip, a_max=1)", "f = partial(np.clip, a_max=2)"),
        ("f = np.sin", "f = np.cos"),
        ("class A:\n a = 1\nf = A", "class A:\n a = 2\nf = A"),
        ("class A:\n def g(self): return 1\nf = A", "class A:\n def g(self): return 2\nf = A"),
        (
            "class A:\n @property\n def g(self): return 1\nf = A()",
            "class A:\n @property\n def g(self): return 2\nf = A()",
        ),
        (
            "class A:\n def g(self): return 1\nclass B(A): pass\nf = B().g",
            "class A:\n def g(self): return 2\nclass B(A): pass\nf = B().g",
        ),
        (
            "class A:\n def __init__(self, a): self.a = {1: [a]}\nf = A(1)",
            "class A:\n def __init__(self, a): self.a = {1: [a]}\nf = A(2)",
        ),
    ],
)
def test_what_changes_the_result_changes_the_description(before, after):
    assert described(before) == described(before) == described("\n# a comment\n" + before)
    assert described(before) != described(after)


def test_code_that_refers_to_itself_has_an_end():
    assert described("def f(x): return f(x - 1)") != described("def f(x): return f(x - 2)")


def test_a_module_of_the_learner_is_described_by_its_text(tmp_path, monkeypatch):
    source = "def f(x): return mine.g(x)"
    module = types.ModuleType("mine")
    module.__file__ = str(tmp_path / "mine.py")
    monkeypatch.setitem(sys.modules, "mine", module)
    found = set()
    for text in ("def g(x): return 1", "def g(x): return 2"):
        (tmp_path / "mine.py").write_text(text)
        found.add(described(f"import mine\n{source}"))
    assert len(found) == 2


SOURCE = "def f(x, names={'a', 'b', 'c'}): return x in {'d', 'e', 'f'}"


def test_the_description_is_the_same_in_another_process():
    program = (
        f"{SOURCE}\nfrom course_utils.plumbing import fingerprints as p\nprint(p._describe(f))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == described(SOURCE)
