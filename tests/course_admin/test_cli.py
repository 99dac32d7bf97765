"""The course command: what it prints, its exit status, and the doctor's findings."""

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_admin import cli, doctor
from course_admin.doctor import FAIL, OK, WARN
from course_utils.editions import DATASETS, MIRROR_WEIGHTS, current_edition
from data_scripts import checksums, download, draw

SPLITS = ("train", "valid", "test")


@pytest.fixture(autouse=True)
def empty_course(tmp_path, monkeypatch):
    """A course without any data, in the pocket edition; what a command sets is undone."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSE_EDITION", "pocket")
    for variable in ("COURSE_MIRROR", "COURSE_BACKBONE", "KERAS_HOME"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def drawing(monkeypatch):
    """Renderers that draw three small files and count how often they are called."""
    calls = []

    def render(folder, seed=0):
        calls.append((folder.name, seed))
        for split in SPLITS:
            (folder / split / "cat").mkdir(parents=True, exist_ok=True)
            (folder / split / "cat" / "1.jpg").write_bytes(f"{split} {seed}".encode())

    for dataset in DATASETS:
        monkeypatch.setitem(draw.RENDERERS, dataset, render)
    return calls


def _photographs(tmp_path, monkeypatch):
    """A mirror with one photograph per data set, and lists of sums for them."""
    mirror, manifests = tmp_path / "mirror", tmp_path / "manifests"
    manifests.mkdir()
    for dataset in DATASETS:
        picture = mirror / dataset / "train" / "0" / "1.jpg"
        picture.parent.mkdir(parents=True)
        picture.write_bytes(dataset.encode())
        line = f"{checksums.sha256_of(picture)}  train/0/1.jpg\n"
        (manifests / f"{dataset}.txt").write_text(line)
    (mirror / "weights").mkdir()
    (mirror / MIRROR_WEIGHTS).write_bytes(b"weights")
    line = f"{checksums.sha256_of(mirror / MIRROR_WEIGHTS)}  {MIRROR_WEIGHTS}\n"
    (manifests / "files.txt").write_text(line)
    monkeypatch.setattr(checksums, "MANIFESTS", manifests)
    monkeypatch.setenv("COURSE_MIRROR", str(mirror))
    return mirror


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["doctor", "data", "examples:", "course data fetch", "COURSE_EDITION"]),
        (["data", "--help"], ["make", "fetch", "verify", "list", "examples:"]),
        (["data", "make", "--help"], ["--seed", "--again", "about a minute"]),
        (["data", "fetch", "--help"], ["DATASET", *DATASETS]),
        (["doctor", "--help"], ["--edition {pocket,photo}"]),
    ],
)
def test_help(arguments, words, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert all(word in text for word in words)
    assert max(len(line) for line in text.splitlines()) <= 90


@pytest.mark.parametrize("arguments", [[], ["data"], ["data", "fly"], ["doctor", "--edition", "x"]])
def test_nonsense_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: course" in capsys.readouterr().err


def test_the_command_does_without_tensorflow():
    code = (
        "import sys; from course_utils import cli, doctor, drawn_data;"
        "cli.main(['data', 'list']); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_make_draws_once(drawing, capsys):
    assert cli.main(["data", "make"]) == 0
    first = capsys.readouterr().out
    assert cli.main(["data", "make"]) == 0
    second = capsys.readouterr().out
    assert drawing == [(dataset, 0) for dataset in DATASETS]
    assert "Drawing dogs_vs_cats: takes about" in first
    assert "dogs_vs_cats: drawn" in first
    assert "Drawing" not in second
    assert second.count("already there, nothing to do") == 2


def test_make_draws_where_something_is_different(drawing, monkeypatch):
    edition, dataset = current_edition(), "dogs_vs_cats"
    assert draw.make(edition, dataset)
    assert draw.make(edition, dataset, seed=3), "another seed"
    assert not draw.make(edition, dataset, seed=3)
    assert not draw.make(edition, dataset), "no seed asked for: that of before will do"
    assert draw.make(edition, dataset, again=True)
    (edition.folder / dataset / "train/cat/1.jpg").unlink()
    assert draw.make(edition, dataset), "a file is missing"
    monkeypatch.setattr(draw, "_code", lambda dataset: "drawn by other code")
    assert draw.make(edition, dataset), "the code changed"
    assert [seed for _, seed in drawing] == [0, 3, 0, 0, 0]


def test_code_that_draws_includes_what_it_imports(tmp_path, monkeypatch):
    scripts = tmp_path / "data_scripts"
    shutil.copytree(Path(draw.__file__).parent, scripts)
    monkeypatch.setattr(draw, "__file__", str(scripts / "draw.py"))

    def changed(file) -> list[bool]:
        before = [draw._code(dataset) for dataset in DATASETS]
        (scripts / file).write_text("fluffy = 2\n")
        return [draw._code(dataset) != old for dataset, old in zip(DATASETS, before, strict=True)]

    assert changed("pets/fur.py") == [True, False]
    assert changed("hands/anatomy.py") == [False, True]
    assert changed("canvas/scenery.py") == [True, True]
    assert changed("download.py") == [False, False]


def test_make_marks_nothing_complete_that_broke_off(drawing, monkeypatch):
    def interrupted(folder, seed=0):
        raise KeyboardInterrupt

    monkeypatch.setitem(draw.RENDERERS, "dogs_vs_cats", interrupted)
    assert cli.main(["data", "make"]) == 130
    assert not checksums.is_complete(current_edition(), "dogs_vs_cats")


def test_make_does_not_throw_away_the_learner_s_pictures(drawing, capsys):
    cli.main(["data", "make"])
    mine = current_edition().folder / "dogs_vs_cats" / "train" / "cat" / "mine.jpg"
    mine.write_bytes(b"my cat")
    assert cli.main(["data", "make", "--again"]) == 1
    error = capsys.readouterr().err
    assert "train/cat/mine.jpg" in error
    assert "move them to another folder first" in error
    assert mine.read_bytes() == b"my cat"


def test_verify(drawing, capsys):
    assert cli.main(["data", "verify"]) == 1
    assert capsys.readouterr().out.count("not there: run `course data make`") == 2
    cli.main(["data", "make"])
    capsys.readouterr()
    assert cli.main(["data", "verify"]) == 0
    assert capsys.readouterr().out.count("all 3 files are right") == 2
    (current_edition().folder / "dogs_vs_cats/train/cat/1.jpg").write_bytes(b"changed")
    assert cli.main(["data", "verify"]) == 1
    assert "1 changed (train/cat/1.jpg): run `course data make" in capsys.readouterr().out


def test_list(drawing, capsys):
    assert cli.main(["data", "list"]) == 0
    empty = capsys.readouterr().out.splitlines()
    assert len(empty) == 1 + len(DATASETS) * len(SPLITS)
    assert empty[0].split() == ["edition", "data", "set", "split", "pictures", "size", "complete"]
    assert all("no: run `course data make`" in line for line in empty[1:])
    cli.main(["data", "make"])
    capsys.readouterr()
    cli.main(["data", "list"])
    full = capsys.readouterr().out.splitlines()
    assert full[1].split() == ["pocket", "dogs_vs_cats", "train", "1", "0.0", "MB", "yes"]


def test_fetch_from_a_mirror(tmp_path, monkeypatch, capsys):
    mirror = _photographs(tmp_path, monkeypatch)
    assert cli.main(["data", "fetch", "dogs_vs_cats"]) == 0
    assert f"Fetching from {mirror}" in capsys.readouterr().out
    assert (tmp_path / "data/photo/dogs_vs_cats/train/0/1.jpg").exists()
    assert cli.main(["data", "verify", "--edition", "photo"]) == 1
    assert cli.main(["data", "fetch"]) == 0
    assert cli.main(["data", "verify", "--edition", "photo"]) == 0


def test_fetch_says_what_failed(tmp_path, monkeypatch, capsys):
    mirror = _photographs(tmp_path, monkeypatch)
    (mirror / "dogs_vs_cats/train/0/1.jpg").write_bytes(b"rotten")
    assert cli.main(["data", "fetch"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("course: 1 of the 1 files of dogs_vs_cats could not be fetched")
    assert "train/0/1.jpg: wrong content" in error
    assert cli.main(["data", "fetch", "cats"]) == 1
    assert "no data set 'cats'; choose one of: dogs_vs_cats" in capsys.readouterr().err


@pytest.fixture
def healthy(drawing, monkeypatch):
    """A machine on which all of the doctor's checks pass; tests then break one thing each."""
    for dataset in DATASETS:
        draw.make(current_edition(), dataset)
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(total=8e9))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=9e9))
    monkeypatch.setattr(doctor, "_pins", dict)


def _problems():
    """What the doctor found wrong, as {subject: (status, detail)}."""
    found = [f for f in doctor.examine() if f.status != OK]
    return {finding.subject: (finding.status, finding.detail) for finding in found}


def test_doctor_on_a_healthy_machine(healthy, capsys):
    assert cli.main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "The course can run here." in text
    assert {line.split()[0] for line in text.splitlines()[:-2]} == {OK}
    for subject in ("Python", "packages", "memory", "free disk", "data folder", "edition"):
        assert f"OK    {subject:<12}" in text
    assert text.count("OK    data  ") == 2
    assert text.count("OK    weights") == 1


def test_doctor_with_problems(healthy, monkeypatch, capsys):
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(total=2e9))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1e9))
    assert cli.main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "FAIL  memory       2.0 GB, but the lessons need at least 4 GB: close" in text
    assert "FAIL  free disk    1.0 GB, but the course needs 2 GB: make room" in text
    assert text.endswith("2 to put right.\n")


def test_four_gigabytes_minus_what_the_system_keeps_are_enough(monkeypatch):
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(total=3.9e9))
    assert doctor.check_memory().status == OK


@pytest.mark.parametrize(
    ("version", "status"),
    [("3.10.14", FAIL), ("3.11.0", OK), ("3.13.7", OK), ("3.14.0", FAIL), ("3.12.0rc1", OK)],
)
def test_doctor_knows_which_python(monkeypatch, version, status):
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
    assert [found.status for found in doctor.check_packages()] == [OK]


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
    assert {name: str(pin.specifier) for name, pin in doctor._pins().items()} == {
        "numpy": "==2.4.6", "pooch": "==1.9.0"
    }  # fmt: skip


def test_the_package_itself_is_missing(healthy, monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGE", "course-that-is-not-there")
    problems = _problems()
    assert set(problems) == {"Python"}
    assert "course-that-is-not-there is not installed: run `make setup`" in problems["Python"][1]


def test_data_folder_that_cannot_be_written(healthy, monkeypatch):
    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    status, detail = _problems()["data folder"]
    assert status == FAIL
    assert "Permission denied" in detail
    assert "COURSE_DATA" in detail


def test_edition_that_does_not_exist(healthy, monkeypatch):
    monkeypatch.setenv("COURSE_EDITION", "paper")
    assert _problems()["edition"] == (
        FAIL, "COURSE_EDITION is 'paper'; choose one of: pocket, photo"
    )  # fmt: skip


def test_data_that_are_missing_changed_or_damaged(healthy):
    folder = current_edition().folder / "dogs_vs_cats"
    (folder / "train/cat/1.jpg").write_bytes(b"changed")
    status, detail = _problems()["data"]
    assert status == FAIL
    assert detail.startswith("dogs_vs_cats: of 3 files 1 changed (train/cat/1.jpg): run `course")
    (folder / "SHA256SUMS").write_text("nonsense")
    status, detail = _problems()["data"]
    assert status == FAIL
    assert "SHA256SUMS is damaged (line 1)" in detail


def test_shipped_weights(healthy, monkeypatch, tmp_path):
    weights = tmp_path / "minivgg.weights.h5"
    monkeypatch.setattr(doctor, "SHIPPED_WEIGHTS", weights)
    for content in (None, b""):
        if content is not None:
            weights.write_bytes(content)
        status, detail = _problems()["weights"]
        assert status == FAIL
        assert "git checkout -- course_utils/weights" in detail
    weights.write_bytes(b"weights")
    assert "weights" not in _problems()


def test_weights_of_the_mirror(healthy, monkeypatch, tmp_path):
    mirror = _photographs(tmp_path, monkeypatch)
    monkeypatch.setenv("COURSE_EDITION", "photo")
    assert cli.main(["data", "fetch"]) == 0
    assert _problems() == {}
    (mirror / MIRROR_WEIGHTS).write_bytes(b"rotten")
    status, detail = _problems()["weights"]
    assert status == FAIL
    assert "wrong content (6 bytes)" in detail


@pytest.mark.parametrize("backbone", doctor.KERAS_WEIGHTS)
def test_weights_that_keras_downloads(healthy, monkeypatch, tmp_path, backbone):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_BACKBONE", backbone)
    pattern, without_top, small, large = doctor.KERAS_WEIGHTS[backbone]
    status, detail = _problems()["weights"]
    assert status == WARN
    assert f"{backbone}: {small + large} MB will be downloaded on first use" in detail
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / pattern.format(without_top)).touch()
    assert f"{large} MB" in _problems()["weights"][1]
    (tmp_path / "models" / pattern.format("")).touch()
    assert _problems() == {}


def test_keras_files_have_the_names_that_the_doctor_looks_for():
    folder = Path(metadata.distribution("keras").locate_file("keras/src/applications"))
    source = "".join((folder / f"{n}.py").read_text() for n in ("vgg16", "resnet", "mobilenet_v2"))
    assert "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5" in source
    assert '{weights_name}_weights_tf_dim_ordering_tf_kernels_notop.h5"' in source
    assert '"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_"' in source
    assert '{float(alpha)}_{rows}_no_top.h5"' in source


def test_downloads_stay_out_of_the_way_of_the_mirror(tmp_path, monkeypatch):
    mirror = _photographs(tmp_path, monkeypatch)
    before = {path: path.stat().st_mtime_ns for path in mirror.rglob("*")}
    assert cli.main(["data", "fetch"]) == 0
    download.fetch_file(MIRROR_WEIGHTS)
    assert {path: path.stat().st_mtime_ns for path in mirror.rglob("*")} == before
