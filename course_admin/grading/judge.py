"""Judge an answer: run its graded cell in the grader's process, with proxies for its names."""

import ast
import builtins
import dataclasses
import math

import numpy as np

import course_checks as checks
from course_admin.grading.kernel import Kernel
from course_admin.grading.proxies import RemoteFunction

TRUSTED = {"checks": checks, "np": np}
"""What a graded cell may use besides the learner's names."""

LONGEST_MESSAGE = 4000
"""Characters of a message, which may quote an answer."""


def decide(source: str, kernel: Kernel) -> checks.Verdict:
    """Run what the last line of a graded cell needs, and return the verdict of that line.

    The check before the hidden tests is only there for learners to see: it is left out, with all
    other calls whose value is not used.

    Parameters
    ----------
    source : str
        The instructor's source. Its names that are not in `TRUSTED` are the learner's.
    kernel : Kernel
        Where the learner's functions run.

    Raises
    ------
    KernelDied
        If the learner's process is gone.
    ValueError
        If the cell gives no verdict, or one whose score is not between 0 and 1.
    """
    tree = ast.parse(source)
    if not tree.body or not isinstance(tree.body[-1], ast.Expr):
        raise ValueError("the graded cell does not end in a check")
    names = {name: RemoteFunction(kernel, name) for name in learners_names(tree)}
    namespace = {**TRUSTED, **names}
    last = ast.Expression(tree.body.pop().value)
    tree.body = [node for node in tree.body if not isinstance(node, ast.Expr)]
    exec(compile(tree, "<graded cell>", "exec"), namespace)
    verdict = eval(compile(last, "<graded cell>", "eval"), namespace)
    if not isinstance(verdict, checks.Verdict):
        raise ValueError(f"the graded cell gave {type(verdict).__name__} instead of a verdict")
    if not (math.isfinite(verdict.score) and 0 <= verdict.score <= 1):
        raise ValueError(f"the graded cell gave the score {verdict.score}")
    return dataclasses.replace(verdict, message=storable_text(verdict.message))


def storable_text(text: str) -> str:
    """Return a text, which may quote a learner, so that any file and database can store it."""
    shortened = text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]} ..."
    return shortened.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def learners_names(tree: ast.AST) -> set[str]:
    """Return the names that a cell uses and does not define itself."""
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    used = {name.id for name in names if isinstance(name.ctx, ast.Load)}
    defined = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            defined |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
    return used - defined - set(TRUSTED) - set(vars(builtins))
