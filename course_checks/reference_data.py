"""What the checks compare answers with: arrays computed once from images.

A check needs, for example, the features of some images to find out whether a learner's network
computes with them. An exercise computes them on the spot, from the edition's images. The judge must
not load TensorFlow, and its images are on no learner's disk: it reads the arrays from the folder
that ``COURSE_REFERENCE_DATA`` names.
"""

import functools
import os
from pathlib import Path

import numpy as np

VARIABLE = "COURSE_REFERENCE_DATA"
BACKBONE_INPUTS = 24
"""How many images are kept as inputs of the backbone; they are large."""
SIGNERS = 50
"""How many people the images of the project come from, ten images each."""


def reference_data(part: str) -> dict[str, np.ndarray]:
    """Return one part of the data that checks compare with.

    Parameters
    ----------
    part : {"pets", "signs", "project"}

    Returns
    -------
    dict of str to numpy.ndarray
        pets
            ``inputs``: some preprocessed images, ``input_codes``: their features, averaged over
            the maps. ``codes``, ``labels``: the same for several hundred images.
        signs
            ``features``: maps after block 4, with ``labels`` and ``signers``, of several hundred
            images; ``start/<path>``: the pretrained biases (or scales and shifts) of block 5.
        project
            ``images``: images of signs at the backbone's input size, uint8; their ``labels`` and
            ``signers``, each of whom made every sign once.

    Raises
    ------
    FileNotFoundError
        If the edition's images, or the files that ``COURSE_REFERENCE_DATA`` names, are missing.
    """
    if part not in PARTS:
        raise ValueError(f"no reference data {part!r}; choose one of: {', '.join(PARTS)}")
    return _cached(part, os.environ.get(VARIABLE, ""))


def save(part: str, images: Path | str, folder: Path | str) -> Path:
    """Compute one part from the images in ``images/<class>/`` into ``<folder>/<part>.npz``."""
    from course_utils.datasets import read_folder

    make, _ = PARTS[part]
    path = Path(folder) / f"{part}.npz"
    unfinished = path.with_name(f"{part}.{os.getpid()}.npz")
    np.savez(unfinished, **make([read_folder(Path(images))]))
    unfinished.replace(path)
    return path


@functools.cache
def _cached(part: str, folder: str) -> dict[str, np.ndarray]:
    if not folder:
        make, learners_splits = PARTS[part]
        return make(learners_splits())
    with np.load(Path(folder) / f"{part}.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def _pets(splits: list) -> dict[str, np.ndarray]:
    from course_utils import extract_features, load_backbone, paths_to_tensor

    backbone = load_backbone()
    # The whole splits, because lesson 3 keeps their features on disk
    features = [extract_features(backbone, split, progress=False) for split in splits]
    codes = [maps.mean(axis=(1, 2)) for maps in features]
    rows = np.linspace(0, len(splits[-1]) - 1, BACKBONE_INPUTS).astype(int)
    paths = splits[-1].take(rows).paths
    pixels = paths_to_tensor(paths, size=backbone.input_size, progress=False)
    return {
        "inputs": np.asarray(backbone.preprocess(pixels), "float32"),
        "input_codes": codes[-1][rows],
        "codes": np.concatenate(codes),
        "labels": np.concatenate([split.labels for split in splits]),
    }


def _signs(splits: list) -> dict[str, np.ndarray]:
    from course_utils import extract_features, load_backbone, split_at

    backbone = load_backbone()  # lesson 5 keeps the features of its parts on disk
    features = [extract_features(backbone, part, "block4", progress=False) for part in splits]
    _, labels, signers = _signed(splits)
    weights = split_at(backbone, "block4")[1].trainable_weights
    start = {f"start/{w.path}": np.asarray(w) for w in weights if len(w.shape) == 1}
    return {"features": np.concatenate(features), "labels": labels, "signers": signers, **start}


def _project(splits: list) -> dict[str, np.ndarray]:
    from course_utils import load_backbone, paths_to_tensor

    paths, labels, signers = _signed(splits)
    people = [person for person in np.unique(signers) if (signers == person).sum() == 10]
    rows = np.isin(signers, people[:SIGNERS])
    size = load_backbone().input_size
    pixels = paths_to_tensor(list(paths[rows]), size=size, progress=False)
    return {"images": pixels.astype("uint8"), "labels": labels[rows], "signers": signers[rows]}


def _signed(splits: list) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return paths, labels and signers of all images."""
    from course_utils import signers_of

    paths = [path for split in splits for path in split.paths]
    labels = np.concatenate([split.labels for split in splits])
    return np.array(paths), labels, signers_of(paths)


def _learners_pets() -> list:
    from course_utils import load_split

    return [load_split("dogs_vs_cats", part) for part in ("train", "test")]


def _learners_signs() -> list:
    from course_utils import load_signer_split

    return list(load_signer_split(seed=0)[1:])


PARTS = {
    "pets": (_pets, _learners_pets),
    "signs": (_signs, _learners_signs),
    "project": (_project, _learners_signs),
}
"""The function that computes each part from splits, and the splits that learners have."""
