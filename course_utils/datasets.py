"""Finding the images of a dataset and their labels."""

import re
import socket
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_utils.editions import DATASETS, current_edition

SPLITS = ("train", "valid", "test")
PUBLIC_DATASETS = {"mnist": 11, "fashion_mnist": 31, "cifar10": 170, "cifar100": 169}
"""What `load_public` loads, and how many megabytes its first call downloads."""

_LITTER = {"thumbs.db", "desktop.ini", "__macosx"}  # what file managers and archives leave
_STALL_SECONDS = 60


@dataclass(frozen=True)
class Split:
    """One part of a dataset, for example its training images.

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
        return f"<{len(self)} images: {parts}>"

    def take(self, rows) -> "Split":
        """Return the split with only these rows (indices or a boolean mask)."""
        rows = np.arange(len(self))[rows]
        return Split([self.paths[i] for i in rows], self.labels[rows], self.class_names)


def load_split(dataset: str, split: str) -> Split:
    """List the images of one split of a dataset of the current edition.

    Parameters
    ----------
    dataset : {"dogs_vs_cats", "sign_language_digits"}
    split : {"train", "valid", "test"}

    Raises
    ------
    FileNotFoundError
        If images are missing; the message says how to get them.
    ValueError
        If there is no such dataset or split, or if there are files that do not belong to it.
    """
    for value, allowed in ((dataset, DATASETS), (split, SPLITS)):
        if value not in allowed:
            raise ValueError(f"{value!r} is not one of: {', '.join(allowed)}")
    edition = current_edition()
    folder = edition.folder / dataset
    listed = _listed(folder / "SHA256SUMS", split)
    missing = [name for name in listed if not (folder / name).is_file()]
    if missing or not listed:
        verb = "make" if edition.name == "pocket" else "fetch"
        count = f"{len(missing)} of {len(listed)} images" if listed else "images"
        raise FileNotFoundError(
            f"{count} are missing in {folder / split}{_some(missing)}; get them with: "
            f"course data {verb} --edition {edition.name}"
        )
    found = read_folder(folder / split)
    extra = {path.relative_to(folder).as_posix() for path in found.paths} - set(listed)
    if extra:
        raise ValueError(
            f"not part of the dataset in {folder}{_some(sorted(extra))}; move or delete them"
        )
    return found


def _listed(sums: Path, split: str) -> list[str]:
    """Return the names of a split's files in a list of checksums, which is written last."""
    try:
        lines = sums.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    names = [line[66:] for line in lines if not line.startswith("#")]  # after 64 digits, 2 blanks
    if not lines or re.match(r"# \d+ files", lines[0]) and f"# {len(names)} files" not in lines[0]:
        return []  # the list is cut off
    return [name for name in names if name.startswith(f"{split}/")]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f" ({', '.join(names[:3])}{more})" if names else ""


def load_dataset(folder) -> tuple[np.ndarray, np.ndarray]:
    """List the images below a folder that has one subfolder per class, as the book does.

    Parameters
    ----------
    folder : path

    Returns
    -------
    paths : numpy.ndarray of str, shape (n,)
    targets : numpy.ndarray of float32, shape (n, classes)
        One-hot: the column of an image's class holds 1.

    Raises
    ------
    FileNotFoundError, ValueError
        If the folder is missing or not of the form ``<class>/<image>``.
    """
    split = read_folder(Path(folder))
    targets = np.eye(len(split.class_names), dtype="float32")[split.labels]
    return np.array([str(path) for path in split.paths]), targets


def read_folder(folder: Path) -> Split:
    """List the images below a folder that has one subfolder per class; see `load_dataset`."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    entries = [path for path in folder.iterdir() if path.is_dir() and not _hidden(path)]
    if not entries:
        raise ValueError(f"{folder} has no subfolders; it needs one per class")
    # One name can be stored in two ways: "é" as one character, or as "e" with an accent.
    named = sorted((unicodedata.normalize("NFC", path.name), path) for path in entries)
    names = [name for name, _ in named]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two folders each in {folder} for {', '.join(twice)}: merge them")
    files = [_files(path) for _, path in named]
    if nested := [str(p.relative_to(folder)) for found in files for p in found if p.is_dir()]:
        advice = "move the images up into the folder of their class"
        if set(names) <= set(SPLITS):
            advice = f"these are splits: pass one of them, for example {folder / names[0]}"
        raise ValueError(
            f"expected <class>/<image> in {folder}, found folders{_some(nested)}; {advice}"
        )
    if empty := [name for name, found in zip(names, files, strict=True) if not found]:
        raise ValueError(
            f"no images for the class{'es' * (len(empty) > 1)} {', '.join(empty)} in {folder}: "
            "put some in, or remove the folder"
        )
    labels = np.repeat(np.arange(len(names)), [len(found) for found in files])
    return Split([path for found in files for path in found], labels.astype("int64"), names)


def signers_of(paths) -> np.ndarray:
    """Find the signer of each image of the sign-language digits.

    The file names of drawn images hold it. The photographs were taken one person after
    the other, each making the signs in ascending order: so a new signer begins where the
    sign does not increase, or more than two file numbers are missing. Pass the images of
    all splits together.

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
        If file names hold neither a signer nor a file number.

    Examples
    --------
    >>> signers_of(["3/IMG_1118.JPG", "7/IMG_1119.JPG", "0/IMG_1120.JPG"])
    array([0, 0, 1])
    """
    paths = [Path(path) for path in paths]
    names = [re.match(r"signer(\d+)_", path.name) for path in paths]
    if paths and all(names):
        return np.array([int(name[1]) for name in names], dtype="int64")
    shots = np.array([_shot(path) for path in paths], dtype="int64").reshape(-1, 2)
    if unknown := [str(path) for path, shot in zip(paths, shots, strict=True) if -1 in shot]:
        raise ValueError(
            f"no signer can be found for: {', '.join(unknown)}; "
            "the files are named like 0/signer012_x.jpg or 0/IMG_1118.JPG"
        )
    order = np.lexsort(shots.T[::-1])
    step, rise = np.diff(shots[order], axis=0).T
    signers = np.empty(len(paths), dtype="int64")
    signers[order] = np.concatenate([[0], np.cumsum((rise <= 0) | (step > 3))])
    return signers


def load_signer_split(seed: int = 0) -> tuple[Split, Split, Split]:
    """Split the sign-language digits anew, so that no signer is in two parts.

    Parameters
    ----------
    seed : int
        Chooses the signers.

    Returns
    -------
    train, valid, test : Split
        About 65, 15 and 20 % of the images (some 400 for testing).
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
    """Return the file number and the sign of a photograph; -1 for what its name does not hold."""
    number, digit = re.search(r"\d+", path.stem), re.fullmatch(r"\d+", path.parent.name)
    return (int(number[0]) if number else -1), (int(digit[0]) if digit else -1)


def _divide(rows: np.ndarray, groups: np.ndarray, share: float, seed: int):
    from sklearn.model_selection import GroupShuffleSplit

    cut = GroupShuffleSplit(n_splits=1, test_size=share, random_state=seed)
    kept, held_out = next(cut.split(rows, groups=groups[rows]))
    return rows[kept], rows[held_out]


def _files(folder: Path) -> list[Path]:
    """List the files of a class, and the subfolders in it that hold any."""
    # Files with another ending count too: the loaders name what is not an image.
    entries = sorted(path for path in folder.iterdir() if not _hidden(path))
    return [path for path in entries if not path.is_dir() or _files(path)]


def _hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _LITTER


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

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_STALL_SECONDS)  # Keras itself would wait for ever
    try:
        parts = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises a bare Exception if there is no network
        raise ConnectionError(
            f"{name} is not on this machine and could not be downloaded ({error}). Connect to the "
            f"internet once and try again ({PUBLIC_DATASETS[name]} MB), or copy the folder "
            "~/.keras/datasets from a machine that has it. If a file there is damaged, delete it."
        ) from error
    finally:
        socket.setdefaulttimeout(before)
    return tuple((images, labels.reshape(-1)) for images, labels in parts)
