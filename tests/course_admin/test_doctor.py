"""The doctor's findings: one thing is broken at a time, and it says what to do."""

import hashlib
import json
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_admin import cli, doctor
from course_admin.doctor import FAIL, OK, WARN
from course_data_scripts import draw
from course_utils.editions import DATASETS, MIRROR_WEIGHTS, current_edition

GIGABYTE = 1_000_000_000


@pytest.fixture
def healthy(small_drawings, tmp_path, monkeypatch):
    """A machine on which all checks pass; tests then break one thing each."""
    for dataset in DATASETS:
        draw.make(current_edition(), dataset)
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(total=8e9))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=9e9))
    monkeypatch.setattr(doctor, "_size", lambda folder: GIGABYTE)
    monkeypatch.setattr(doctor, "_pins", dict)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))


def _problems():
    """What the doctor found wrong, as {subject: (status, detail)}."""
    found = [f for f in doctor.examine() if f.status != OK]
    return {finding.subject: (finding.status, finding.detail) for finding in found}


@pytest.mark.usefixtures("healthy")
def test_a_healthy_machine(capsys):
    assert cli.main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "The course can run here." in text
    assert {line.split()[0] for line in text.splitlines()[:-2]} == {OK}
    for subject in (
        "Python",
        "packages",
        "Jupyter",
        "memory",
        "free disk",
        "data folder",
        "edition",
    ):
        assert f"OK    {subject:<12}" in text
    assert text.count("OK    data  ") == 2
    assert text.count("OK    weights") == 1


@pytest.mark.usefixtures("healthy")
def test_too_little_memory_and_disk(monkeypatch, capsys):
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(total=2e9))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2.9e9))
    assert cli.main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "FAIL  memory       2.0 GB, but the lessons need at least 4 GB: close" in text
    assert "FAIL  free disk    2.9 GB, and 2.0 GB in use by the course, which needs 5 GB:" in text
    assert text.endswith("2 to put right.\n")


def test_four_gigabytes_minus_what_the_system_keeps_are_enough(monkeypatch):
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(total=3.9e9))
    assert doctor.check_memory().status == OK


@pytest.mark.usefixtures("healthy")
def test_what_the_course_occupies_counts_as_available(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=3e9))
    assert doctor.check_disk().status == OK


def test_the_size_of_a_folder(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(bytes(1000))
    (tmp_path / "file").write_bytes(bytes(24))
    assert doctor._size(tmp_path) == 1024
    assert doctor._size(tmp_path / "nowhere") == 0


@pytest.mark.parametrize(
    ("version", "status"),
    [("3.10.14", FAIL), ("3.11.0", OK), ("3.13.7", OK), ("3.14.0", FAIL), ("3.12.0rc1", OK)],
)
def test_supported_pythons(monkeypatch, version, status):
    monkeypatch.setattr(doctor.platform, "python_version", lambda: version)
    found = doctor.check_python()
    assert found.status == status
    assert found.detail.startswith(version)


def _installed(monkeypatch, versions):
    """Pretend that exactly these packages are installed."""

    def version(name):
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    required = ["numpy>=2", "pooch~=1.8", "pytest; extra == 'dev'"]
    monkeypatch.setattr(doctor.metadata, "version", version)
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: required)
    monkeypatch.setattr(doctor, "_pins", lambda: {"numpy": doctor.Requirement("numpy==2.4.6")})


def test_packages_that_are_right(monkeypatch):
    _installed(monkeypatch, {"numpy": "2.4.6", "pooch": "1.9.0"})
    (found,) = doctor.check_packages()
    assert (found.status, found.detail) == (OK, "all installed, in the tested versions")
    monkeypatch.setattr(doctor, "_pins", dict)
    (found,) = doctor.check_packages()
    assert found.detail == "all installed, in versions that the course accepts"


def test_packages_that_are_missing_or_wrong_or_untested(monkeypatch):
    _installed(monkeypatch, {"pooch": "2.0"})
    missing, wrong = doctor.check_packages()
    assert (missing.status, wrong.status) == (FAIL, FAIL)
    assert missing.detail.startswith("missing: numpy>=2; run `make setup`")
    assert wrong.detail.startswith("wrong version: pooch 2.0 (needs ~=1.8); run `make setup`")
    _installed(monkeypatch, {"numpy": "2.5", "pooch": "1.9.0"})
    (untested,) = doctor.check_packages()
    assert untested.status == WARN
    assert "numpy 2.5 (tested: ==2.4.6)" in untested.detail


def test_pins_of_this_platform(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "CHECKOUT", tmp_path)
    assert doctor._pins() == {}
    (tmp_path / "requirements.txt").write_text(
        "# made by uv pip compile\nnumpy==1.0 ; python_full_version < '3' \\\n"
        "    --hash=sha256:0123\nnumpy==2.4.6 ; python_full_version >= '3' \\\n"
        "    --hash=sha256:0123\n    # via tensorflow\npooch==1.9.0 \\\n    --hash=sha256:0123\n"
    )
    pins = {name: str(pin.specifier) for name, pin in doctor._pins().items()}
    assert pins == {"numpy": "==2.4.6", "pooch": "==1.9.0"}


@pytest.mark.usefixtures("healthy")
def test_the_package_itself_is_missing(monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGE", "course-that-is-not-there")
    problems = _problems()
    assert set(problems) == {"Python"}
    assert "course-that-is-not-there is not installed: run `make setup`" in problems["Python"][1]


def test_outside_of_the_repository_no_advice_needs_it(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "CHECKOUT", tmp_path)
    monkeypatch.setattr(doctor, "WEIGHTS", tmp_path)
    assert doctor.reinstall() == "run `pip install --force-reinstall` with the course-utils wheel"
    assert doctor._check_shipped().detail.endswith(doctor.reinstall())


@pytest.mark.usefixtures("healthy")
@pytest.mark.parametrize(
    ("subject", "variable"),
    [("data folder", "COURSE_DATA"), ("Jupyter", "JUPYTER_RUNTIME_DIR")],
)
def test_folders_that_cannot_be_written(monkeypatch, tmp_path, subject, variable):
    (tmp_path / "file").touch()
    monkeypatch.setenv(variable, str(tmp_path / "file" / "below"))
    status, detail = _problems()[subject]
    assert status == FAIL
    assert detail.startswith(f"cannot write to {tmp_path / 'file' / 'below'} (")
    assert f"allow writing there, or point {variable} at another folder" in detail


@pytest.mark.usefixtures("healthy")
def test_edition_that_does_not_exist(monkeypatch):
    monkeypatch.setenv("COURSE_EDITION", "paper")
    expected = (FAIL, "COURSE_EDITION is 'paper'; choose one of: pocket, photo")
    assert _problems()["edition"] == expected


@pytest.mark.usefixtures("healthy")
def test_data_that_are_missing_changed_or_damaged():
    folder = current_edition().folder / "dogs_vs_cats"
    (folder / "train/cat/1.jpg").write_bytes(b"changed")
    status, detail = _problems()["data"]
    assert status == FAIL
    assert detail.startswith("dogs_vs_cats: of 3 files 1 changed (train/cat/1.jpg): run `course")
    (folder / "SHA256SUMS").write_text("nonsense")
    expected = "dogs_vs_cats: its list of checksums is damaged: run `course data make`"
    assert _problems()["data"] == (FAIL, expected)


@pytest.mark.usefixtures("healthy")
def test_shipped_weights(monkeypatch, tmp_path):
    content = b"weights"
    card = {"sha256": hashlib.sha256(content).hexdigest()}
    monkeypatch.setattr(doctor, "WEIGHTS", tmp_path)
    assert "model card cannot be read" in _problems()["weights"][1]
    (tmp_path / "minivgg.json").write_text(json.dumps(card))
    for broken in (None, b"", content[:-1], b"Weights"):
        if broken is not None:
            (tmp_path / "minivgg.weights.h5").write_bytes(broken)
        status, detail = _problems()["weights"]
        assert status == FAIL
        assert ("missing" if broken is None else "damaged") in detail
        assert "git checkout -- course_utils/weights" in detail
    (tmp_path / "minivgg.weights.h5").write_bytes(content)
    assert "weights" not in _problems()


@pytest.mark.usefixtures("healthy")
def test_weights_of_the_mirror(mirror, monkeypatch):
    content, file = b"weights", mirror / MIRROR_WEIGHTS
    file.parent.mkdir()
    file.write_bytes(content)
    monkeypatch.setitem(doctor.MIRROR_SUMS, MIRROR_WEIGHTS, hashlib.sha256(content).hexdigest())
    monkeypatch.setenv("COURSE_EDITION", "photo")
    assert cli.main(["data", "fetch"]) == 0
    assert _problems() == {}
    file.write_bytes(b"rotten")
    status, detail = _problems()["weights"]
    assert status == FAIL
    assert "is damaged: correct the folder that COURSE_MIRROR names" in detail


@pytest.fixture
def small_weights(monkeypatch, tmp_path):
    """Keras' weights files as the doctor expects them, made small; returns file and content."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()

    def shrink(backbone, side=224):
        contents, known = {}, []
        for megabytes, weights in enumerate(doctor.KERAS_WEIGHTS[backbone], start=2):
            content = bytes(megabytes * 1_000_000)
            md5 = weights.md5 and hashlib.md5(content).hexdigest()
            known.append(doctor.KerasWeights(weights.file, len(content), md5))
            contents[tmp_path / "models" / weights.file.format(side=side)] = content
        monkeypatch.setitem(doctor.KERAS_WEIGHTS, backbone, tuple(known))
        monkeypatch.setenv("COURSE_BACKBONE", backbone)
        return contents

    return shrink


@pytest.mark.usefixtures("healthy")
@pytest.mark.parametrize("backbone", doctor.KERAS_WEIGHTS)
def test_weights_that_keras_downloads(small_weights, backbone):
    contents = small_weights(backbone)
    for megabytes in (5, 3):
        status, detail = _problems()["weights"]
        assert status == WARN
        assert f"{backbone}: {megabytes} MB will be downloaded on first use" in detail
        file, content = contents.popitem() if megabytes == 3 else next(iter(contents.items()))
        file.write_bytes(content)
    assert _problems() == {}
    file.write_bytes(content[:-1])
    status, detail = _problems()["weights"]
    assert status == FAIL
    assert f"{file} is damaged: delete it; Keras will download it again" in detail


@pytest.mark.usefixtures("healthy")
@pytest.mark.parametrize("backbone", ["vgg16", "resnet50"])
def test_a_flipped_bit_in_weights_whose_checksum_keras_knows(small_weights, backbone):
    for file, content in small_weights(backbone).items():
        file.write_bytes(b"\x01" + content[1:])
    assert _problems()["weights"][0] == FAIL


@pytest.mark.usefixtures("healthy")
def test_weights_for_another_input_size(small_weights, monkeypatch):
    contents = small_weights("mobilenet_v2", side=160)
    for file, content in contents.items():
        file.write_bytes(content)
    assert "5 MB will be downloaded" in _problems()["weights"][1]
    monkeypatch.setenv("COURSE_INPUT_SIZE", "160")
    assert _problems() == {}


def test_keras_has_the_files_and_checksums_that_the_doctor_looks_for():
    folder = Path(metadata.distribution("keras").locate_file("keras/src/applications"))
    source = "".join((folder / f"{n}.py").read_text() for n in ("vgg16", "resnet", "mobilenet_v2"))
    assert "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5" in source
    assert '{weights_name}_weights_tf_dim_ordering_tf_kernels_notop.h5"' in source
    assert '"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_"' in source
    assert doctor.MOBILENET == "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0"
    assert '{float(alpha)}_{rows}_no_top.h5"' in source
    for with_checksum in ("vgg16", "resnet50"):
        assert all(f'"{weights.md5}"' in source for weights in doctor.KERAS_WEIGHTS[with_checksum])
