"""What hidden tests send: images that are on no learner's disk, and what is computed from them.

The pocket edition draws new animals and new signers. Photographs cannot be drawn: some are held
back from the sandbox, chosen with the gradebook's key, and changed until neither their bytes nor
a hash of their pixels finds them. Both happen once for a gradebook.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from nbformat import NotebookNode
from PIL import Image, ImageEnhance, ImageOps

import course_checks
from course_admin.grading.grading_key import GradingKey
from course_admin.grading.notebook_cells import is_graded
from course_checks import reference_data
from course_data_scripts.canvas.pictures import DrawingTask, render_all
from course_data_scripts.draw import ARTISTS, drawing_code
from course_data_scripts.pets.render import pet_tasks
from course_utils import load_split, signers_of
from course_utils.datasets import SPLITS
from course_utils.editions import current_edition

FOLDER = ".hidden"
PETS, SIGNS = "dogs_vs_cats", "sign_language_digits"
DATASETS = {"pets": PETS, "signs": SIGNS, "project": SIGNS}
"""The dataset that each part of the reference data comes from."""

ANIMALS = 550
"""Images of animals, half of them cats."""
SIGNERS = 72
"""People who make each sign once: enough for exercise 5 to learn from 400 images, test on 200."""

HELD_BACK = {
    "pocket": (),
    "photo": (f"{PETS}/valid", f"{PETS}/test", *(f"{SIGNS}/{split}" for split in SPLITS)),
}
"""By edition, see `held_back`."""


def name_of(key: GradingKey) -> str:
    """Name the hidden data after all that they depend on: edition, key, code."""
    edition = current_edition()
    files = [Path(__file__), Path(reference_data.__file__)]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files))
    digest.update("".join(map(drawing_code, ARTISTS)).encode())
    parts = edition.name, edition.backbone, edition.input_size, key.name, digest.hexdigest()[:8]
    return "-".join(map(str, parts))


def held_back() -> tuple[str, ...]:
    """Return folders of the edition's images that no submission may see while it is graded."""
    return HELD_BACK[current_edition().name]


def parts_needed(definitions: list[NotebookNode]) -> set[str]:
    """Return which parts of the reference data the checks of some exercises need."""
    graded = [cell.source for book in definitions for cell in book.cells if is_graded(cell)]
    words = set(re.findall(r"\w+", "\n".join(graded)))
    checks = [getattr(course_checks, word) for word in words & set(course_checks.__all__)]
    return {part for check in checks for part in getattr(check, "needs", ())}


def prepare(definitions: list[NotebookNode], into: Path, key: GradingKey) -> Path:
    """Return a folder with the reference data of some exercises; compute what is missing.

    Parameters
    ----------
    definitions : list of NotebookNode
        The instructor's notebooks.
    into : Path
        The output folder.
    key : GradingKey
        Decides which images are drawn or held back.
    """
    folder = into / FOLDER / name_of(key)
    folder.mkdir(parents=True, exist_ok=True)
    folder.parent.chmod(0o700)
    for part in sorted(parts_needed(definitions)):
        if not (folder / f"{part}.npz").exists():
            _compute(part, _images(DATASETS[part], folder, key), folder)
    return folder


def _images(dataset: str, folder: Path, key: GradingKey) -> Path:
    """Return the folder with the hidden images of a dataset; make them if they are missing."""
    images = folder / dataset
    if not images.exists():
        seed = key.number(f"images of {dataset}")
        if current_edition().name == "pocket":
            render_all(ARTISTS[dataset].draw, _drawings(dataset, seed), images, title="new images")
        else:
            tasks = _photographs(dataset, seed)
            render_all(retake, tasks, images, title="photographs held back")
    return images


def _drawings(dataset: str, seed: int) -> list[DrawingTask]:
    """Describe new animals, or new signers who make each sign once."""
    if dataset == PETS:
        half = ANIMALS // 2
        tasks = pet_tasks(seed, {"hidden": {"cat": half, "dog": half}})
        return [(name.removeprefix("hidden/"), description) for name, description in tasks]
    return [
        (f"{sign}/signer{signer:03d}_{sign}.jpg", (seed, signer, sign))
        for signer in range(SIGNERS)
        for sign in range(10)
    ]


def _photographs(dataset: str, seed: int) -> list[DrawingTask]:
    """Choose photographs that are held back, and say how `retake` changes each."""
    parts = [name.split("/")[1] for name in HELD_BACK["photo"] if name.startswith(dataset)]
    splits = [load_split(dataset, part) for part in parts]
    paths = np.array([path for split in splits for path in split.paths])
    rng = np.random.default_rng(seed)
    if dataset == PETS:
        chosen = rng.permutation(paths)[:ANIMALS]
        names = [f"{path.parent.name}/{i:04d}.jpg" for i, path in enumerate(chosen)]
    else:
        signers = signers_of(paths)
        complete = [signer for signer in np.unique(signers) if (signers == signer).sum() == 10]
        people = rng.permutation(complete)[:SIGNERS].tolist()
        rows = np.flatnonzero(np.isin(signers, people))
        chosen, who = paths[rows], [people.index(signer) for signer in signers[rows]]
        names = [
            f"{path.parent.name}/signer{signer:03d}_{path.parent.name}.jpg"
            for path, signer in zip(chosen, who, strict=True)
        ]
    mirrored = bool(rng.integers(2))  # all or none: a mirrored hand is harder to read among others
    return [
        (name, (str(path), mirrored, seed, i))
        for i, (name, path) in enumerate(zip(names, chosen, strict=True))
    ]


def retake(description: tuple[str, bool, int, int]) -> Image.Image:
    """Return a photograph as if taken again: perhaps mirrored, turned, closer, in other light."""
    path, mirrored, *key = description
    rng = np.random.default_rng(key)
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file).convert("RGB")
    if mirrored:
        image = ImageOps.mirror(image)
    size = np.array(image.size)
    turned = image.rotate(rng.uniform(-4, 4), Image.Resampling.BICUBIC)
    zoom = rng.uniform(0.86, 0.92)  # without the corners, which turning leaves empty
    left, top = (size * (1 - zoom) / 2 + size * rng.uniform(-0.03, 0.03, 2)).tolist()
    right, bottom = (size * zoom + [left, top]).tolist()
    closer = turned.resize(image.size, Image.Resampling.BICUBIC, (left, top, right, bottom))
    return ImageEnhance.Brightness(closer).enhance(rng.uniform(0.85, 1.15))


def _compute(part: str, images: Path, folder: Path) -> None:
    """Compute a part in a process of its own: this one does without TensorFlow."""
    code = "import sys; from course_checks.reference_data import save; save(*sys.argv[1:])"
    command = [sys.executable, "-c", code, part, str(images), str(folder)]
    # Features of hidden images must not get into the cache that the sandbox shows
    with tempfile.TemporaryDirectory(dir=folder) as data:
        subprocess.run(command, check=True, env={**os.environ, "COURSE_DATA": data})
