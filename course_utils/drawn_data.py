"""Make the pocket edition's pictures, once, and remember how they were made."""

import hashlib
import importlib
import re
from importlib.util import find_spec
from pathlib import Path

from course_utils.editions import Edition
from course_utils.sums import SUMS_NAME, is_complete, shorten, verify_dataset, write_sums

RENDERERS = {"dogs_vs_cats": "render_pets", "sign_language_digits": "render_signs"}
"""Module of ``data_scripts``, and function in it, that draws each data set."""
DEFAULT_SEED = 0


def make(edition: Edition, dataset: str, seed: int | None = None, again: bool = False) -> bool:
    """Draw a data set of the pocket edition, unless it is there.

    Parameters
    ----------
    edition : Edition
        The pocket edition.
    dataset : str
        ``"dogs_vs_cats"`` or ``"sign_language_digits"``.
    seed : int, optional
        Which of the many possible data sets to draw; by default the one that is
        there, or that of seed 0.
    again : bool
        Draw also where the same data set is there.

    Returns
    -------
    bool
        Whether it was drawn.

    Raises
    ------
    FileExistsError
        If there are files in its folder that are not part of it, which would be lost.
    """
    if not again and is_up_to_date(edition, dataset, seed):
        return False
    folder = edition.folder / dataset
    if extra := (folder / SUMS_NAME).exists() and verify_dataset(edition, dataset).extra:
        raise FileExistsError(
            f"{folder} would be drawn again, but holds {len(extra)} files that are not part of "
            f"it ({shorten(extra)}): move them to another folder first"
        )
    seed = DEFAULT_SEED if seed is None else seed
    renderer = RENDERERS[dataset]
    render = getattr(importlib.import_module(f"data_scripts.{renderer}"), renderer)
    render(folder, seed=seed)
    write_sums(folder, _recipe(dataset, seed))
    return True


def is_up_to_date(edition: Edition, dataset: str, seed: int | None = None) -> bool:
    """Return whether a data set is there as the code draws it, with that seed if one is given."""
    if not is_complete(edition, dataset):
        return False
    with (edition.folder / dataset / SUMS_NAME).open(encoding="utf-8") as file:
        recipe = file.readline().removeprefix("# ").rstrip()
    return recipe == _recipe(dataset, seed) if seed is not None else recipe.endswith(_code(dataset))


def _recipe(dataset: str, seed: int) -> str:
    """Return what decides how the pictures look: the seed, and the code that draws."""
    return f"seed {seed}, {_code(dataset)}"


def _code(dataset: str) -> str:
    """Name the code that draws a data set by a sum over its modules, imported ones included."""
    sources, waiting = {}, [RENDERERS[dataset]]
    while waiting:
        module = waiting.pop()
        sources[module] = (_scripts() / f"{module}.py").read_text(encoding="utf-8")
        imported = re.findall(r"^(?:from|import) data_scripts\.(\w+)", sources[module], re.M)
        waiting += [name for name in imported if name not in sources]
    code = "".join(sources[module] for module in sorted(sources))
    return f"drawn by code {hashlib.sha256(code.encode()).hexdigest()[:16]}"


def _scripts() -> Path:
    return Path(find_spec("data_scripts.drawing").origin).parent
