"""Check that a machine can run the course, and say for each problem what to do."""

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from course_utils.editions import MIRROR_WEIGHTS, Edition, current_edition, data_root
from data_scripts.checksums import REMEDY, verify
from data_scripts.download import fetch_file

OK, WARN, FAIL = "OK", "WARN", "FAIL"
PACKAGE = "course-utils"
CHECKOUT = Path(__file__).resolve().parents[1]
REINSTALL = "run `make setup`, or without make `python -m pip install -r requirements.txt -e .`"
MIN_MEMORY = 4e9
MIN_DISK = 2e9
SHIPPED_WEIGHTS = CHECKOUT / "course_utils" / "weights" / "minivgg.weights.h5"
KERAS_WEIGHTS = {
    "vgg16": ("vgg16_weights_tf_dim_ordering_tf_kernels{}.h5", "_notop", 59, 553),
    "resnet50": ("resnet50_weights_tf_dim_ordering_tf_kernels{}.h5", "_notop", 95, 103),
    "mobilenet_v2": (
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224{}.h5", "_no_top", 9, 15,
    ),
}  # fmt: skip
"""Keras' file name, what it adds without the classifier, and megabytes without and with it."""


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
    findings = [check_python(), *check_packages(), check_memory(), check_disk(), check_writing()]
    try:
        edition = current_edition()
    except ValueError as error:
        return [*findings, Finding(FAIL, "edition", str(error))]
    edition_found = Finding(OK, "edition", str(edition))
    return [*findings, edition_found, *check_data(edition), *check_weights(edition)]


def check_python() -> Finding:
    """Check that the course supports this Python."""
    version = platform.python_version()
    try:
        supported = metadata.metadata(PACKAGE)["Requires-Python"]
    except metadata.PackageNotFoundError:
        return Finding(FAIL, "Python", f"{version}; {PACKAGE} is not installed: {REINSTALL}")
    if SpecifierSet(supported).contains(version, prereleases=True):
        return Finding(OK, "Python", version)
    advice = f"needs {supported}: install Python 3.12, delete .venv and run `make setup`"
    return Finding(FAIL, "Python", f"{version}, but the course {advice}")


def check_packages() -> Iterator[Finding]:
    """Check that what the course requires is installed, in the versions it was tested with."""
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
    problems = ((FAIL, "missing", missing), (FAIL, "wrong version", wrong),
                (WARN, "untested version", untested))  # fmt: skip
    found = [
        Finding(status, "packages", f"{problem}: {', '.join(names)}; {REINSTALL}")
        for status, problem, names in problems
        if names
    ]
    yield from found or [Finding(OK, "packages", "all there, in the versions that were tested")]


def _requirements() -> list[Requirement]:
    try:
        lines = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return []  # check_python says so
    requirements = [Requirement(line) for line in lines]
    return [r for r in requirements if not r.marker or r.marker.evaluate({"extra": ""})]


def _pins() -> dict[str, Requirement]:
    """Return the pins for this platform, where the course runs from its checkout."""
    path = CHECKOUT / "requirements.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pins = [Requirement(line.rstrip(" \\")) for line in lines if "==" in line and line[0].isalnum()]
    return {pin.name: pin for pin in pins if not pin.marker or pin.marker.evaluate()}


def check_memory() -> Finding:
    """Check the size of the memory; 5 % may be missing, which the system keeps for itself."""
    memory = psutil.virtual_memory().total
    if memory >= 0.95 * MIN_MEMORY:
        return Finding(OK, "memory", f"{memory / 1e9:.1f} GB")
    advice = f"at least {MIN_MEMORY / 1e9:.0f} GB: close other programs, or use a larger machine"
    return Finding(FAIL, "memory", f"{memory / 1e9:.1f} GB, but the lessons need {advice}")


def check_disk() -> Finding:
    """Check the free space where the data go."""
    free = shutil.disk_usage(_existing(data_root())).free
    if free >= MIN_DISK:
        return Finding(OK, "free disk", f"{free / 1e9:.1f} GB")
    advice = f"{MIN_DISK / 1e9:.0f} GB: make room, or point COURSE_DATA at a folder elsewhere"
    return Finding(FAIL, "free disk", f"{free / 1e9:.1f} GB, but the course needs {advice}")


def check_writing() -> Finding:
    """Check that files can be made in the data folder."""
    folder = data_root()
    try:
        tempfile.TemporaryFile(dir=_existing(folder)).close()
    except OSError as error:
        advice = "allow writing there, or point COURSE_DATA at another folder"
        return Finding(FAIL, "data folder", f"cannot write to {folder} ({error}): {advice}")
    return Finding(OK, "data folder", str(folder))


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def check_data(edition: Edition) -> Iterator[Finding]:
    """Check each data set of the edition against its sha256 sums."""
    try:
        for found in verify(edition):
            if found.ok:
                yield Finding(OK, "data", str(found))
            else:
                yield Finding(FAIL, "data", f"{found}: {REMEDY[edition.name]}")
    except ValueError as error:
        yield Finding(FAIL, "data", str(error))


def check_weights(edition: Edition) -> Iterator[Finding]:
    """Check that the weights of the edition's backbone are there or can be downloaded."""
    name = edition.backbone
    if name == "minivgg":
        yield _check_shipped()
    elif name == "mobilenet_v2" and edition.mirror and (edition.mirror / MIRROR_WEIGHTS).exists():
        try:
            yield Finding(OK, "weights", f"{name}: {fetch_file(MIRROR_WEIGHTS)}")
        except ConnectionError as error:
            yield Finding(FAIL, "weights", " ".join(str(error).split()))
    else:
        yield _check_keras_cache(name)


def _check_shipped() -> Finding:
    if SHIPPED_WEIGHTS.exists() and SHIPPED_WEIGHTS.stat().st_size > 0:
        return Finding(OK, "weights", f"minivgg: {SHIPPED_WEIGHTS}")
    advice = "get the course again (`git checkout -- course_utils/weights`), or " + REINSTALL
    return Finding(FAIL, "weights", f"minivgg: {SHIPPED_WEIGHTS} is missing: {advice}")


def _check_keras_cache(name: str) -> Finding:
    pattern, without_top, megabytes, with_top_megabytes = KERAS_WEIGHTS[name]
    cache = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models"
    sizes = {pattern.format(without_top): megabytes, pattern.format(""): with_top_megabytes}
    needed = sum(size for file, size in sizes.items() if not (cache / file).exists())
    if not needed:
        return Finding(OK, "weights", f"{name}: in {cache}")
    advice = "nothing to do where there is a network"
    return Finding(
        WARN, "weights", f"{name}: {needed} MB will be downloaded on first use; {advice}"
    )
