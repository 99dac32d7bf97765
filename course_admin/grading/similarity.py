"""Answers that are alike: pairs of learners whose code agrees beyond what the task suggests.

The method is that of MOSS (Schleimer, Wilkerson and Aiken, "Winnowing", 2003) without its
selection, which only large files need: code as a set of runs of tokens. All names that an answer
gives itself count as the same, and so do formatting and comments. Runs that the instructor's
version holds too, or many of the class, say nothing and are left out.
"""

import ast
import io
import itertools
import textwrap
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from course_admin.grading import release
from course_admin.grading.limited import OverLimit, call_limited
from course_admin.grading.page import escape, page

RUN = 12
"""Tokens that must agree in a row: about a line of code."""
FEWEST = 15
"""Runs of its own that an answer needs to be compared; a shorter one says too little."""
MANY = 0.3
"""Runs that a larger part of the class has, and at least four learners, are usual."""
ALIKE = 0.6
"""Part of the shorter answer's own runs that a pair must share to be listed."""

Run = tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What a learner wrote for one question.

    Attributes
    ----------
    student, source : str
    runs : set of tuple of str
        See `runs_of`; without those that say nothing.
    """

    student: str
    source: str
    runs: frozenset[Run] = field(repr=False)


@dataclass(frozen=True)
class Pair:
    """Two answers that are alike.

    Attributes
    ----------
    exercise, question : str
    first, second : Answer
    share : float
        Of the shorter answer's own runs, those that the other has too; 0 to 1.
    """

    exercise: str
    question: str
    first: Answer
    second: Answer
    share: float


def runs_of(source: str) -> frozenset[Run]:
    """Return the runs of tokens in Python code; none if it is not Python.

    >>> runs_of("total = sum(a * b for a, b in pairs) / len(pairs)") == runs_of(
    ...     "s = sum(x*y for x, y in pairs)/len(pairs)  # mine"
    ... )
    True
    """
    tokens = _tokens(source)
    return frozenset(tuple(tokens[i : i + RUN]) for i in range(len(tokens) - RUN + 1))


def _tokens(source: str) -> list[str]:
    try:
        tree = _Renamed.of(ast.parse(textwrap.dedent(source)))
    except (SyntaxError, ValueError):
        return []
    # Written anew, the code has one format and no comments
    lines = io.StringIO(ast.unparse(tree)).readline
    return [token.string for token in tokenize.generate_tokens(lines) if token.string.strip()]


class _Renamed(ast.NodeTransformer):
    """Give all names that code assigns the same name, and leave out texts that do nothing."""

    def __init__(self, own: set[str]):
        self.own = own

    @classmethod
    def of(cls, tree: ast.AST) -> ast.AST:
        own = set()
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                    own.add(name)
                case ast.FunctionDef(name=name):
                    own.add(name)
        return cls(own).visit(tree)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name("name", node.ctx) if node.id in self.own else node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg("name")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.name = "name"
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return ast.Pass() if isinstance(node.value, ast.Constant) else self.generic_visit(node)


def alike(sources: dict[str, str], given: str) -> Iterator[tuple[Answer, Answer, float]]:
    """Yield the pairs of answers to one question that are alike, with their share.

    Parameters
    ----------
    sources : dict of str to str
        The code of each student.
    given : str
        The instructor's version.
    """
    runs = {student: _runs_or_none(source) for student, source in sources.items()}
    count = Counter(itertools.chain.from_iterable(runs.values()))
    usual = {run for run, times in count.items() if times > max(3, MANY * len(sources))}
    nothing = usual | runs_of(given)
    answers = [Answer(name, sources[name], found - nothing) for name, found in runs.items()]
    long_enough = [answer for answer in answers if len(answer.runs) >= FEWEST]
    for first, second in itertools.combinations(long_enough, 2):
        shorter = min(len(first.runs), len(second.runs))
        share = len(first.runs & second.runs) / shorter
        if share >= ALIKE:
            yield first, second, share


def _runs_or_none(source: str) -> frozenset[Run]:
    try:
        return call_limited(runs_of, source, seconds=5)
    except (OverLimit, RecursionError):  # nothing that a person wrote
        return frozenset()


def similar_pairs(into: Path, sources: Path) -> list[Pair]:
    """Compare all answers in an output folder, question by question.

    Parameters
    ----------
    into : Path
        The output folder of `course grade`.
    sources : Path
        The folder ``instructor``.

    Returns
    -------
    list of Pair
        The most alike first.

    Raises
    ------
    ValueError
        If nothing was collected there.
    """
    if not any(into.glob("submitted/*/*/*.ipynb")):
        raise ValueError(f"{into} holds no hand-ins: run `course grade` first, or name its --into")
    pairs = [
        Pair(exercise, question, *found)
        for exercise, path in release.sources_in(sources / "source").items()
        for question, given in _answer_cells(path).items()
        for found in alike(_answers(into, exercise, question), given)
    ]
    return sorted(pairs, key=lambda pair: -pair.share)


def _answers(into: Path, exercise: str, question: str) -> dict[str, str]:
    found = {}
    for path in sorted(into.glob(f"submitted/*/{exercise}/{exercise}.ipynb")):
        cells = _answer_cells(path)
        if question in cells:
            found[path.parents[1].name] = cells[question]
    return found


def _answer_cells(path: Path) -> dict[str, str]:
    """Return the code of a notebook's answers, by ``grade_id``."""
    cells = nbformat.read(path, as_version=4).cells
    return {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
    }


ADVICE = f"""
<p>For the instructor only. Each pair agrees in at least {ALIKE:.0%} of the shorter answer, beyond
what the instructor's version has and what is usual in the class. Names, comments and formatting
do not count.</p>
<p>Alike is not copied. Answers of a few lines come out the same by themselves, people learn
together, and both may have the same page of documentation: read both, and ask. Answers with little
code of their own are not compared, and nothing is found that was written anew in other words.</p>
"""


def similarity_page(pairs: Iterable[Pair]) -> str:
    """Return a page that shows each pair side by side."""
    parts = [_section(pair) for pair in pairs]
    body = "".join(parts) or "<p><strong>No two answers are alike.</strong></p>"
    return page("Similar answers", f"<h1>Similar answers</h1>{ADVICE}{body}")


def _section(pair: Pair) -> str:
    columns = "".join(
        f'<div><p class="label">{escape(answer.student)}</p>'
        f'<pre class="source">{escape(answer.source)}</pre></div>'
        for answer in (pair.first, pair.second)
    )
    title = f"{pair.exercise}, {pair.question}: {pair.share:.0%} alike"
    return f'<section><h2>{escape(title)}</h2><div class="pair">{columns}</div></section>'
