"""Make the pocket edition's pictures, once, and remember how they were made."""

import hashlib
from pathlib import Path

from course_utils.editions import Edition
from data_scripts.checksums import SUMS_NAME, is_complete, shorten, verify_dataset, write_sums
from data_scripts.hands.render import render_signs
from data_scripts.pets.render import render_pets

RENDERERS = {"dogs_vs_cats": render_pets, "sign_language_digits": render_signs}
"""What draws each dataset."""
ROOMS = {"dogs_vs_cats": "pets", "sign_language_digits": "hands"}
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
    RENDERERS[dataset](folder, seed=seed)
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
    """Name the code that draws a dataset by a digest of its room and of the shared canvas."""
    here = Path(__file__).parent
    rooms = [here / ROOMS[dataset], here / "canvas"]
    code = [path.read_bytes() for room in rooms for path in sorted(room.glob("*.py"))]
    return f"drawn by code {hashlib.sha256(b''.join(code)).hexdigest()[:16]}"
