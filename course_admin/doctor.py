"""Check that a machine can run the course, and say for each problem what to do."""

import json
import os
import platform
import shutil
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pooch
import psutil
from jupyter_core.paths import jupyter_runtime_dir
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import course_utils
from course_data_scripts.checksums import sha256_of, verify
from course_utils.editions import (
    MIRROR_SUMS,
    MIRROR_WEIGHTS,
    Edition,
    current_edition,
    data_root,
)

OK, WARN, FAIL = "OK", "WARN", "FAIL"
PACKAGE = "course-utils"
CHECKOUT = Path(__file__).resolve().parents[1]
"""The repository's folder, if the course was not installed as a wheel."""
MIN_MEMORY = 4e9
MIN_DISK = 5e9
"""Space for the packages (3 GB), the data and the cache together."""
WEIGHTS = Path(course_utils.__file__).parent / "weights"


@dataclass(frozen=True)
class KerasWeights:
    """A weights file of ``keras.applications``.

    Attributes
    ----------
    file : str
        Its name in Keras' cache; ``{side}`` stands for the input size.
    size : int
        Its size in bytes.
    md5 : str
        Its checksum, as Keras knows it; empty where Keras knows none.
    """

    file: str
    size: int
    md5: str = ""


MOBILENET = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0"
KERAS_WEIGHTS = {
    "vgg16": (
        KerasWeights(
            "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
            58_889_256,
            "6d6bbae143d832006294945121d1f1fc",
        ),
        KerasWeights(
            "vgg16_weights_tf_dim_ordering_tf_kernels.h5",
            553_467_096,
            "64373286793e3c8b2b4e3219cbf3544b",
        ),
    ),
    "resnet50": (
        KerasWeights(
            "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            94_765_736,
            "4d473c1dd8becc155b73f8504c6f6626",
        ),
        KerasWeights(
            "resnet50_weights_tf_dim_ordering_tf_kernels.h5",
            102_967_424,
            "2cb95161c43110f7111970584f804107",
        ),
    ),
    "mobilenet_v2": (
        KerasWeights(f"{MOBILENET}_{{side}}_no_top.h5", 9_406_464),
        KerasWeights(f"{MOBILENET}_{{side}}.h5", 14_536_120),
    ),
}
"""What each backbone downloads, without and with its classifier."""


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes
    ----------
    status : str
        ``"OK"``, ``"WARN"`` (the course runs) or ``"FAIL"``.
    subject : str
        What was checked.
    detail : str
        What was found, and what to do about it where something is wrong.
    """

    status: str
    subject: str
    detail: str


def examine() -> list[Finding]:
    """Run all checks: machine, packages, and the current edition's data and weights."""
    findings = [
        check_python(),
        *check_packages(),
        check_jupyter(),
        check_memory(),
        check_disk(),
        check_writing(),
    ]
    try:
        edition = current_edition()
    except ValueError as error:
        return [*findings, Finding(FAIL, "edition", str(error))]
    edition_found = Finding(OK, "edition", str(edition))
    return [*findings, edition_found, *check_data(edition), check_weights(edition)]


def check_python() -> Finding:
    """Check that the course supports this Python."""
    version = platform.python_version()
    try:
        supported = metadata.metadata(PACKAGE)["Requires-Python"]
    except metadata.PackageNotFoundError:
        return Finding(FAIL, "Python", f"{version}; {PACKAGE} is not installed: {reinstall()}")
    if SpecifierSet(supported).contains(version, prereleases=True):
        return Finding(OK, "Python", version)
    advice = "install Python 3.12, then the course in a new environment"
    return Finding(FAIL, "Python", f"{version}, but the course needs {supported}: {advice}")


def reinstall() -> str:
    """Say how to install the course again, which depends on how it was installed."""
    if (CHECKOUT / "requirements.txt").exists():
        return "run `make setup`, or without make `pip install -r requirements.txt -e .`"
    return f"run `pip install --force-reinstall` with the {PACKAGE} wheel"


def check_packages() -> Iterator[Finding]:
    """Check that the required packages are installed, in the versions that were tested."""
    pins = _pins()
    missing, wrong, untested = [], [], []
    for requirement in _requirements():
        name, pin = requirement.name, pins.get(requirement.name)
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(str(requirement))
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{name} {version} (needs {requirement.specifier})")
        elif pin and not pin.specifier.contains(version, prereleases=True):
            untested.append(f"{name} {version} (tested: {pin.specifier})")
    problems = [
        (FAIL, "missing", missing),
        (FAIL, "wrong version", wrong),
        (WARN, "untested version", untested),
    ]
    found = [
        Finding(status, "packages", f"{problem}: {', '.join(names)}; {reinstall()}")
        for status, problem, names in problems
        if names
    ]
    versions = "in the tested versions" if pins else "in versions that the course accepts"
    yield from found or [Finding(OK, "packages", f"all installed, {versions}")]


def _requirements() -> list[Requirement]:
    try:
        lines = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return []  # check_python says so
    requirements = [Requirement(line) for line in lines]
    return [r for r in requirements if not r.marker or r.marker.evaluate({"extra": ""})]


def _pins() -> dict[str, Requirement]:
    """Return the tested versions for this platform; only the repository knows them."""
    path = CHECKOUT / "requirements.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pins = [Requirement(line.rstrip(" \\")) for line in lines if "==" in line and line[0].isalnum()]
    return {pin.name: pin for pin in pins if not pin.marker or pin.marker.evaluate()}


def check_jupyter() -> Finding:
    """Check that Jupyter can write the files by which notebooks and kernels find each other."""
    advice = "allow writing there, or point JUPYTER_RUNTIME_DIR at another folder"
    return _check_writing("Jupyter", Path(jupyter_runtime_dir()), advice)


def check_writing() -> Finding:
    """Check that the data folder can be written."""
    advice = "allow writing there, or point COURSE_DATA at another folder"
    return _check_writing("data folder", data_root(), advice)


def _check_writing(subject: str, folder: Path, advice: str) -> Finding:
    try:
        tempfile.TemporaryFile(dir=_nearest(folder)).close()
    except OSError as error:
        return Finding(FAIL, subject, f"cannot write to {folder} ({error}): {advice}")
    return Finding(OK, subject, str(folder))


def _nearest(folder: Path) -> Path:
    """Return the folder, or what exists of the path to it."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def check_memory() -> Finding:
    """Check the size of the memory; the system may keep 5 % of it for itself."""
    memory = psutil.virtual_memory().total
    if memory >= 0.95 * MIN_MEMORY:
        return Finding(OK, "memory", f"{memory / 1e9:.1f} GB")
    advice = f"at least {MIN_MEMORY / 1e9:.0f} GB: close other programs, or use a larger machine"
    return Finding(FAIL, "memory", f"{memory / 1e9:.1f} GB, but the lessons need {advice}")


def check_disk() -> Finding:
    """Check the free space; what the installed packages and the data occupy counts as available."""
    free = shutil.disk_usage(_nearest(data_root())).free
    occupied = _size(Path(sysconfig.get_path("purelib"))) + _size(data_root())
    found = f"{free / 1e9:.1f} GB, and {occupied / 1e9:.1f} GB in use by the course"
    if free + occupied >= MIN_DISK:
        return Finding(OK, "free disk", found)
    advice = "make room, or point COURSE_DATA at a folder on another disk"
    return Finding(FAIL, "free disk", f"{found}, which needs {MIN_DISK / 1e9:.0f} GB: {advice}")


def _size(folder: Path) -> int:
    """Return the size of all files below a folder in bytes."""
    paths = (Path(root, name) for root, _, names in os.walk(folder) for name in names)
    return sum(path.lstat().st_size for path in paths)


def check_data(edition: Edition) -> Iterator[Finding]:
    """Check each dataset of the edition against its checksums."""
    for found in verify(edition):
        detail = f"{found}: {found.advice}" if found.advice else str(found)
        yield Finding(OK if found.ok else FAIL, "data", detail)


def check_weights(edition: Edition) -> Finding:
    """Check that the backbone's weights are intact, or can be downloaded."""
    name = edition.backbone
    if name == "minivgg":
        return _check_shipped()
    if name == "mobilenet_v2" and edition.mirror and (edition.mirror / MIRROR_WEIGHTS).exists():
        advice = "correct the folder that COURSE_MIRROR names, or unset it to download"
        expected = MIRROR_SUMS[MIRROR_WEIGHTS]
        return _check_file(name, edition.mirror / MIRROR_WEIGHTS, expected, advice)
    return _check_keras_cache(name, edition.input_size)


def _check_shipped() -> Finding:
    advice = reinstall()
    if (CHECKOUT / ".git").exists():
        advice = "run `git checkout -- course_utils/weights`"
    try:
        card = json.loads((WEIGHTS / "minivgg.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Finding(FAIL, "weights", f"minivgg: the model card cannot be read: {advice}")
    return _check_file("minivgg", WEIGHTS / "minivgg.weights.h5", card["sha256"], advice)


def _check_file(name: str, path: Path, sha256: str, advice: str) -> Finding:
    if not path.is_file():
        return Finding(FAIL, "weights", f"{name}: {path} is missing: {advice}")
    if sha256_of(path) != sha256:
        return Finding(FAIL, "weights", f"{name}: {path} is damaged: {advice}")
    return Finding(OK, "weights", f"{name}: {path}")


def _check_keras_cache(name: str, side: int) -> Finding:
    cache = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models"
    missing = 0
    for weights in KERAS_WEIGHTS[name]:
        path = cache / weights.file.format(side=side)
        if not path.exists():
            missing += weights.size
        elif not _is_intact(path, weights):
            advice = "delete it; Keras will download it again"
            return Finding(FAIL, "weights", f"{name}: {path} is damaged: {advice}")
    if not missing:
        return Finding(OK, "weights", f"{name}: in {cache}")
    advice = "nothing to do if there is a network"
    found = f"{name}: {missing / 1e6:.0f} MB will be downloaded on first use"
    return Finding(WARN, "weights", f"{found}; {advice}")


def _is_intact(path: Path, weights: KerasWeights) -> bool:
    if not path.is_file() or path.stat().st_size != weights.size:
        return False
    return not weights.md5 or pooch.file_hash(path, alg="md5") == weights.md5
