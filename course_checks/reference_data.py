"""What the checks compare answers with: arrays computed once from the edition's images.

A check needs, for example, the features of some images to find out whether a learner's network
computes with them. An exercise computes them on the spot. The judge must not load TensorFlow, so it
reads them from the file that ``COURSE_REFERENCE_DATA`` names.
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
    part : {"backbone", "pets", "signs", "project"}

    Returns
    -------
    dict of str to numpy.ndarray
        backbone
            ``trainable``: number of trainable weights after freezing nothing, then up to and
            including each block; ``arrays``: in how many arrays they are; ``total``: all weights.
        pets
            ``inputs``: some preprocessed test images, ``input_codes``: their features, averaged
            over the maps. ``codes``, ``labels``: the same for all training and test images.
        signs
            ``features``: maps after block 4, with ``labels`` and ``signers``, of several hundred
            images.
        project
            ``images``: images of signs at the backbone's input size, uint8; their ``labels`` and
            ``signers``, each of whom made every sign once.

    Raises
    ------
    FileNotFoundError
        If the edition's images, or the file that ``COURSE_REFERENCE_DATA`` names, are missing.
    """
    if part not in _MAKERS:
        raise ValueError(f"no reference data {part!r}; choose one of: {', '.join(_MAKERS)}")
    return _cached(part, os.environ.get(VARIABLE, ""))


def save(path: Path | str) -> Path:
    """Write all reference data of the edition into one ``.npz`` file, and return its path."""
    arrays = {
        f"{part}/{name}": array
        for part in _MAKERS
        for name, array in _cached(part, file="").items()
    }
    path = Path(path)
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.npz")
    np.savez(temporary, **arrays)
    temporary.replace(path)
    return path


@functools.cache
def _cached(part: str, file: str) -> dict[str, np.ndarray]:
    if not file:
        return _MAKERS[part]()
    with np.load(file, allow_pickle=False) as arrays:
        names = [name for name in arrays if name.startswith(f"{part}/")]
        return {name.removeprefix(f"{part}/"): arrays[name] for name in names}


def _backbone() -> dict[str, np.ndarray]:
    from course_utils import freeze_up_to, load_backbone

    backbone = load_backbone()
    trainable, arrays = [], []
    for block in (None, *backbone.blocks):
        freeze_up_to(backbone, block)
        weights = backbone.model.trainable_weights
        trainable.append(sum(int(np.prod(weight.shape)) for weight in weights))
        arrays.append(len(weights))
    return {
        "trainable": np.array(trainable),
        "arrays": np.array(arrays),
        "total": np.array(backbone.model.count_params()),
    }


def _pets() -> dict[str, np.ndarray]:
    from course_utils import extract_features, load_backbone, load_split, paths_to_tensor

    backbone = load_backbone()
    splits = [load_split("dogs_vs_cats", part) for part in ("train", "test")]
    codes = [
        # The whole splits, because lesson 3 keeps their features on disk
        extract_features(backbone, split, progress=False).mean(axis=(1, 2))
        for split in splits
    ]
    rows = np.linspace(0, len(splits[1]) - 1, BACKBONE_INPUTS).astype(int)
    pixels = paths_to_tensor(splits[1].take(rows).paths, size=backbone.input_size, progress=False)
    return {
        "inputs": np.asarray(backbone.preprocess(pixels), "float32"),
        "input_codes": codes[1][rows],
        "codes": np.concatenate(codes),
        "labels": np.concatenate([split.labels for split in splits]),
    }


def _signs() -> dict[str, np.ndarray]:
    from course_utils import extract_features, load_backbone, load_signer_split, signers_of

    parts = load_signer_split(seed=0)
    paths = [path for part in parts for path in part.paths]
    signers = dict(zip(paths, signers_of(paths), strict=True))
    backbone, kept = load_backbone(), parts[1:]  # lesson 5 keeps these features on disk
    features = [extract_features(backbone, part, "block4", progress=False) for part in kept]
    return {
        "features": np.concatenate(features),
        "labels": np.concatenate([part.labels for part in kept]),
        "signers": np.array([signers[path] for part in kept for path in part.paths]),
    }


def _project() -> dict[str, np.ndarray]:
    from course_utils import load_backbone, load_signer_split, paths_to_tensor, signers_of

    kept = load_signer_split(seed=0)[1:]
    paths = np.array([path for part in kept for path in part.paths])
    labels = np.concatenate([part.labels for part in kept])
    signers = signers_of(list(paths))
    people = [person for person in np.unique(signers) if (signers == person).sum() == 10]
    rows = np.isin(signers, people[:SIGNERS])
    size = load_backbone().input_size
    pixels = paths_to_tensor(list(paths[rows]), size=size, progress=False)
    return {"images": pixels.astype("uint8"), "labels": labels[rows], "signers": signers[rows]}


_MAKERS = {"backbone": _backbone, "pets": _pets, "signs": _signs, "project": _project}
