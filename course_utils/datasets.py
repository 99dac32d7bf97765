"""Finding the images of a dataset and their labels."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_utils.editions import DATASETS, current_edition

SPLITS = ("train", "valid", "test")
_LITTER = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Split:
    """One part of a data set, for example its training pictures.

    Attributes
    ----------
    paths : list of pathlib.Path
        The image files.
    labels : numpy.ndarray of int64, shape (n,)
        The class of each file, an index into `class_names`.
    class_names : list of str
        Names of the classes, in alphabetical order.
    """

    paths: list[Path]
    labels: np.ndarray
    class_names: list[str]

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        counts = np.bincount(self.labels, minlength=len(self.class_names))
        parts = ", ".join(f"{n} {name}" for name, n in zip(self.class_names, counts, strict=True))
        return f"<{len(self)} pictures: {parts}>"

    def take(self, rows) -> "Split":
        """Return the split with only these rows (indices or a boolean mask)."""
        rows = np.arange(len(self))[rows]
        return Split([self.paths[i] for i in rows], self.labels[rows], self.class_names)


def load_split(dataset: str, split: str) -> Split:
    """List the pictures of one split of a data set of the current edition.

    Parameters
    ----------
    dataset : {"dogs_vs_cats", "sign_language_digits"}
    split : {"train", "valid", "test"}

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If there is no data set or split of that name, or a class folder is empty.
    FileNotFoundError
        If the pictures are not there yet, or only some of the photographs.
    """
    for value, allowed in ((dataset, DATASETS), (split, SPLITS)):
        if value not in allowed:
            raise ValueError(f"{value!r} is not one of: {', '.join(allowed)}")
    edition = current_edition()
    folder = edition.folder / dataset / split
    # The list of checksums is written last: without it, only a part of the images may be there.
    if not (edition.folder / dataset / "SHA256SUMS").is_file() or not folder.is_dir():
        verb = "make" if edition.name == "pocket" else "fetch"
        raise FileNotFoundError(
            f"pictures are missing in {folder}; get them with: "
            f"course data {verb} --edition {edition.name}"
        )
    return read_folder(folder)


def load_dataset(folder) -> tuple[np.ndarray, np.ndarray]:
    """List the pictures below a folder that has one subfolder per class, as the book does.

    Parameters
    ----------
    folder : path

    Returns
    -------
    paths : numpy.ndarray of str, shape (n,)
    targets : numpy.ndarray of float32, shape (n, classes)
        One-hot: the column of a picture's class holds 1.

    Raises
    ------
    FileNotFoundError, ValueError
        If the folder is missing, has no class folders, or one of them is empty.
    """
    split = read_folder(Path(folder))
    targets = np.eye(len(split.class_names), dtype="float32")[split.labels]
    return np.array([str(path) for path in split.paths]), targets


def read_folder(folder: Path) -> Split:
    """List the pictures below a folder that has one subfolder per class; see `load_dataset`."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not _hidden(path))
    if not classes:
        raise ValueError(f"{folder} has no subfolders; it needs one per class")
    files = [_files(path) for path in classes]
    empty = [path.name for path, found in zip(classes, files, strict=True) if not found]
    if empty:
        raise ValueError(
            f"no pictures for the class{'es' * (len(empty) > 1)} {', '.join(empty)} in {folder}: "
            "put some in, or remove the folder"
        )
    labels = np.repeat(np.arange(len(classes)), [len(found) for found in files])
    return Split(
        [path for found in files for path in found],
        labels.astype("int64"),
        [path.name for path in classes],
    )


def signers_of(paths) -> np.ndarray:
    """Tell whose hand each picture of the sign-language digits shows.

    In the drawn pictures the file name says it. The photographs were taken one
    person after the other, each making the signs in ascending order: so a new
    person begins where the sign does not increase or more than two file numbers
    are missing. Pass the pictures of all splits together.

    Parameters
    ----------
    paths : sequence of path
        ``.../<class>/<file>``

    Returns
    -------
    numpy.ndarray of int64, shape (n,)

    Raises
    ------
    ValueError
        If there are files whose name tells no signer and no file number.
    """
    paths = [Path(path) for path in paths]
    names = [re.match(r"signer(\d+)_", path.name) for path in paths]
    if paths and all(names):
        return np.array([int(name[1]) for name in names], dtype="int64")
    shots = np.array([_shot(path) for path in paths], dtype="int64").reshape(-1, 2)
    if unknown := [str(path) for path, shot in zip(paths, shots, strict=True) if -1 in shot]:
        raise ValueError(
            "nothing tells whose hand these pictures show: "
            + ", ".join(unknown)
            + "; the files are named like 0/signer012_x.jpg or 0/IMG_1118.JPG"
        )
    order = np.lexsort(shots.T[::-1])
    step, rise = np.diff(shots[order], axis=0).T
    signers = np.empty(len(paths), dtype="int64")
    signers[order] = np.concatenate([[0], np.cumsum((rise <= 0) | (step > 3))])
    return signers


def load_signer_split(seed: int = 0) -> tuple[Split, Split, Split]:
    """Split the sign-language digits anew, so that nobody's hand is in two parts.

    Parameters
    ----------
    seed : int
        Chooses the persons.

    Returns
    -------
    train, valid, test : Split
        About 65, 15 and 20 % of the pictures (some 400 for testing).
    """
    parts = [load_split("sign_language_digits", split) for split in SPLITS]
    everything = Split(
        [path for part in parts for path in part.paths],
        np.concatenate([part.labels for part in parts]),
        parts[0].class_names,
    )

    signers = signers_of(everything.paths)
    rows = np.arange(len(everything))
    rows, test = _divide(rows, signers, 0.20, seed)
    train, valid = _divide(rows, signers, 0.19, seed)
    return everything.take(train), everything.take(valid), everything.take(test)


def _shot(path: Path) -> tuple[int, int]:
    """File number and digit of a photograph; -1 where the name does not tell."""
    number, digit = re.search(r"\d+", path.stem), re.fullmatch(r"\d+", path.parent.name)
    return (int(number[0]) if number else -1), (int(digit[0]) if digit else -1)


def _divide(rows: np.ndarray, groups: np.ndarray, share: float, seed: int):
    from sklearn.model_selection import GroupShuffleSplit

    cut = GroupShuffleSplit(n_splits=1, test_size=share, random_state=seed)
    kept, held_out = next(cut.split(rows, groups=groups[rows]))
    return rows[kept], rows[held_out]


def _files(folder: Path) -> list[Path]:
    # Files with another ending count too: the loaders name what is not a picture.
    return sorted(path for path in folder.iterdir() if path.is_file() and not _hidden(path))


def _hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _LITTER


PUBLIC_DATASETS = {"mnist": 11, "fashion_mnist": 31, "cifar10": 170, "cifar100": 169}
"""What `load_public` loads, and how many megabytes a first call downloads."""


def load_public(name: str):
    """Load a well-known dataset with Keras, which downloads it the first time.

    Parameters
    ----------
    name : {"mnist", "fashion_mnist", "cifar10", "cifar100"}

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : pairs of numpy.ndarray of uint8
        Images ``(n, height, width)`` or ``(n, height, width, 3)`` with values from 0 to 255,
        and class indices ``(n,)``.

    Raises
    ------
    ValueError
        If this is none of the names.
    ConnectionError
        If it is not on disk and cannot be downloaded.
    """
    if name not in PUBLIC_DATASETS:
        raise ValueError(f"no dataset {name!r}; choose one of: {', '.join(PUBLIC_DATASETS)}")
    import keras

    try:
        train, test = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises a bare Exception where there is no network
        raise ConnectionError(
            f"{name} is not on this machine and could not be downloaded ({error}). Connect to the "
            f"internet once and try again ({PUBLIC_DATASETS[name]} MB), or copy the folder "
            "~/.keras/datasets from a machine that has it. If a file there is damaged, delete it."
        ) from error
    return tuple((images, labels.reshape(-1)) for images, labels in (train, test))
