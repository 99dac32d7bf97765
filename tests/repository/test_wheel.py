"""The package as a wheel, in an environment of its own, outside the repository."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from course_utils.editions import data_root

REPOSITORY = Path(__file__).resolve().parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    source, folder = tmp_path_factory.mktemp("source") / "course", tmp_path_factory.mktemp("wheel")
    kept_out = shutil.ignore_patterns(".*", "data", "executed", "tests", "*.egg-info", "build")
    shutil.copytree(REPOSITORY, source, ignore=kept_out)
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", folder]
    subprocess.run([*PIP, "wheel", *options, source], check=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def bin_folder(wheel, tmp_path_factory) -> Path:
    """The programs of an environment that has the wheel and what it requires, but no checkout."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    subprocess.run([*PIP, "--python", python, "install", "--no-deps", "--quiet", wheel], check=True)
    # What is required comes from here; of an editable installation, only its name comes along.
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.check_output(ask, text=True).strip())
    (packages / "required.pth").write_text(sysconfig.get_path("purelib"))
    return python.parent


def run(command: list, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COURSE_")}
    return subprocess.run(
        command, cwd=folder, env=clean | environment, capture_output=True, text=True
    )


def test_top_level_names_are_the_course_s_own(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition("/")[0] for name in archive.namelist()}
    assert all(name.startswith("course_") for name in names)


def test_import_finds_the_installed_package(bin_folder, tmp_path):
    code = "import course_utils; course_utils.load_backbone(); print(course_utils.__file__)"
    result = run([bin_folder / "python", "-c", code], tmp_path)
    assert result.stdout.startswith(str(bin_folder.parent)), result.stderr


def test_data_are_drawn_and_the_doctor_is_content(bin_folder, tmp_path):
    # Only some images are drawn: the rest are those of this machine's own installation.
    shutil.copytree(data_root() / "pocket", tmp_path / "data" / "pocket")
    for dataset in ("dogs_vs_cats", "sign_language_digits"):
        image = next((tmp_path / "data" / "pocket" / dataset / "test").rglob("*.jpg"))
        image.unlink()
    made = run([bin_folder / "course", "data", "make"], tmp_path)
    assert made.returncode == 0, made.stderr
    examined = run([bin_folder / "course", "doctor"], tmp_path)
    assert examined.returncode == 0, examined.stdout
    assert "FAIL" not in examined.stdout
