"""Draw the pocket edition's datasets, and repair them."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.editions import Edition

from .canvas.pictures import Draw, draw_images
from .checksums import (
    SUMS_NAME,
    comment_of,
    extra_files,
    recorded_sums,
    sums_of,
    write_sums,
    wrong_files,
)
from .hands.render import draw_sign, sign_tasks
from .pets.render import draw_pet, pet_tasks
from .storage import exclusive_access, move_into_place, staging_folder

DEFAULT_SEED = 0


@dataclass(frozen=True)
class Artist:
    """How a dataset is drawn.

    Attributes
    ----------
    draw : callable
        Draws one image from its description.
    tasks : callable
        Returns file names with descriptions, for a seed: they decide what the dataset holds.
    room : str
        The folder of the code.
    """

    draw: Draw
    tasks: Callable[[int], list[tuple[str, Any]]]
    room: str


ARTISTS = {
    "dogs_vs_cats": Artist(draw_pet, pet_tasks, "pets"),
    "sign_language_digits": Artist(draw_sign, sign_tasks, "hands"),
}


def make(edition: Edition, dataset: str, seed: int | None = None, again: bool = False) -> int:
    """Draw the images of a dataset that are missing, damaged or outdated.

    Drawing is deterministic, so a repaired image is the one that was there. Files that
    are not part of the dataset stay where they are.

    Parameters
    ----------
    edition : Edition
        The pocket edition.
    dataset : str
        ``"dogs_vs_cats"`` or ``"sign_language_digits"``.
    seed : int, optional
        Which of the many possible datasets to draw; by default the one that is
        there, or that of seed 0.
    again : bool
        Draw all images, whatever is there.

    Returns
    -------
    int
        How many images were drawn.

    Raises
    ------
    StorageError
        If they cannot be written.
    """
    folder = edition.folder / dataset
    with exclusive_access(edition.folder):
        recorded = _readable_sums(folder)
        if seed is None:
            seed = _recorded_seed(folder) if recorded else DEFAULT_SEED
        tasks = dict(ARTISTS[dataset].tasks(seed))
        current = _is_current(folder, recorded, dataset, seed, tasks)
        wrong = wrong_files(folder, recorded) if current and not again else list(tasks)
        if wrong:
            _renew(dataset, folder, {name: tasks[name] for name in wrong})
            for name in recorded.keys() & extra_files(folder, tasks):
                (folder / name).unlink()  # drawn from another seed, or by earlier code
            kept = {name: recorded[name] for name in tasks.keys() - set(wrong)}
            write_sums(folder, kept | sums_of(folder, wrong), _recipe(dataset, seed))
    return len(wrong)


def is_up_to_date(edition: Edition, dataset: str, seed: int = DEFAULT_SEED) -> bool:
    """Return whether a dataset is intact and just as the code of today draws it."""
    folder = edition.folder / dataset
    recorded, tasks = _readable_sums(folder), dict(ARTISTS[dataset].tasks(seed))
    return _is_current(folder, recorded, dataset, seed, tasks) and not wrong_files(folder, recorded)


def _renew(dataset: str, folder: Path, tasks: dict[str, Any]) -> None:
    """Draw images, then exchange them all at once; until the list is written, none counts."""
    artist = ARTISTS[dataset]
    with staging_folder(folder) as staging:
        draw_images(artist.draw, list(tasks.items()), staging, title=f"drawing {dataset}")
        (folder / SUMS_NAME).unlink(missing_ok=True)  # from here on, nothing looks complete
        for name in tasks:
            move_into_place(staging, folder, name)


def _is_current(folder: Path, recorded, dataset: str, seed: int, tasks) -> bool:
    """Return whether the record is of exactly the images that the code draws today."""
    recipe = _recipe(dataset, seed)
    return recorded.keys() == tasks.keys() and comment_of(folder).endswith(f", {recipe}")


def _readable_sums(folder: Path) -> dict[str, str]:
    try:
        return recorded_sums(folder)
    except ValueError:  # damaged: whatever is there cannot be trusted
        return {}


def _recorded_seed(folder: Path) -> int:
    seed = re.search(r"seed (\d+)", comment_of(folder))
    return int(seed[1]) if seed else DEFAULT_SEED


def _recipe(dataset: str, seed: int) -> str:
    """Return what decides how the images look: the seed, and the code that draws."""
    return f"seed {seed}, {drawing_code(dataset)}"


def drawing_code(dataset: str) -> str:
    """Name the code that draws a dataset by a digest of its room and of the shared canvas."""
    here = Path(__file__).parent
    rooms = [here / ARTISTS[dataset].room, here / "canvas"]
    code = [path.read_bytes() for room in rooms for path in sorted(room.glob("*.py"))]
    return f"drawn by code {hashlib.sha256(b''.join(code)).hexdigest()[:16]}"
