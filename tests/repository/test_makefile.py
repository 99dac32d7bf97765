"""make installs what is missing, once; what was broken off does not count as installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import skip_or_fail

REPOSITORY = Path(__file__).resolve().parents[2]
# Stands in for Python, inside .venv too: logs what it is asked for, and installs nothing.
PYTHON = """\
#!/bin/sh
case "$*" in
    -c*) exit 0 ;;
    --version) echo Python 3.12.0 ;;
    "-I -c"*) echo "$PWD/course_utils/__init__.py" ;;
    "-m venv --clear .venv") rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python
        echo venv >> log ;;
    *) echo "$@" | sed 's/^-m course_admin //' >> log; [ ! -e break-off ] ;;
esac
"""
PACKAGES = "-m pip install --require-hashes -r requirements.txt"
PROJECT = "-m pip install --quiet --no-deps --no-build-isolation -e ."
DATA = "data make"


@pytest.fixture
def checkout(tmp_path):
    """A folder with the Makefile and an interpreter that only writes a log."""
    if shutil.which("make") is None:
        skip_or_fail("there is no make here")
    folder = tmp_path / 'Ada\'s "first" checkout'
    folder.mkdir()
    shutil.copy(REPOSITORY / "Makefile", folder)
    for name in ("requirements.txt", "pyproject.toml"):
        (folder / name).touch()
        os.utime(folder / name, (0, 0))
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    return folder


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    command = ["make", f"PYTHON={folder.parent / 'python'}", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def asked_for(folder: Path) -> list[str]:
    """What make asked for since the last call."""
    log = folder / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return lines


def test_second_setup_installs_nothing(checkout):
    assert make(checkout, "setup").returncode == 0
    assert asked_for(checkout) == ["venv", PACKAGES, PROJECT, DATA]
    assert make(checkout, "setup").returncode == 0
    assert asked_for(checkout) == [DATA]


def test_broken_off_installation_is_done_again(checkout):
    (checkout / "break-off").touch()
    assert make(checkout, "setup").returncode != 0
    assert asked_for(checkout) == ["venv", PACKAGES]
    (checkout / "break-off").unlink()
    assert make(checkout, "setup").returncode == 0
    assert asked_for(checkout) == ["venv", PACKAGES, PROJECT, DATA]


def test_new_pins_make_a_new_environment(checkout):
    make(checkout, "setup")
    asked_for(checkout)
    newer = (checkout / ".venv" / ".project").stat().st_mtime + 10
    os.utime(checkout / "pyproject.toml", (newer, newer))
    make(checkout, "setup")
    assert asked_for(checkout) == [PROJECT, DATA]
    os.utime(checkout / "requirements.txt", (newer, newer))
    make(checkout, "setup")
    assert asked_for(checkout) == ["venv", PACKAGES, PROJECT, DATA]


def test_moved_folder_makes_a_new_environment(checkout):
    make(checkout, "setup")
    asked_for(checkout)
    python = checkout / ".venv" / "bin" / "python"
    python.write_text(PYTHON.replace("$PWD", "/the/old/place"))
    make(checkout, "setup")
    assert asked_for(checkout) == ["venv", PACKAGES, PROJECT, DATA]


def test_missing_python_is_explained(checkout):
    result = make(checkout, "setup", "PYTHON=no-such-python false")
    assert result.returncode != 0
    assert "tried: no-such-python false." in result.stderr
    assert "apt install python3-venv" in result.stderr
    assert not (checkout / ".venv").exists()


def test_clean_removes_what_setup_made_and_nothing_else(checkout):
    make(checkout, "setup")
    for name in ("data/pocket/cat.jpg", "data/photo/cat.jpg", "notebooks/mine.ipynb"):
        (checkout / name).parent.mkdir(parents=True)
        (checkout / name).touch()
    assert make(checkout, "clean").returncode == 0
    files = {str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()}
    kept = {"Makefile", "pyproject.toml", "requirements.txt", "log"}
    assert files == kept | {"data/photo/cat.jpg", "notebooks/mine.ipynb"}


def test_help_lists_every_command(checkout):
    commands = (
        "help setup lab test test-all lint notebooks unit test-photo coverage "
        "format bench screenshots data release grade lock clean"
    )
    listed = [line.split()[1] for line in make(checkout).stdout.splitlines()]
    assert listed == commands.split()


def test_grade_says_what_is_missing(checkout):
    make(checkout, "setup")
    asked_for(checkout)
    result = make(checkout, "grade")
    assert result.returncode != 0
    assert "SUBMISSIONS=" in result.stderr
    assert asked_for(checkout) == [DATA]


def test_grade_hands_the_submissions_on(checkout):
    make(checkout, "setup")
    asked_for(checkout)
    assert make(checkout, "grade", "SUBMISSIONS=a class.zip").returncode == 0
    assert asked_for(checkout)[-1] == "grade a class.zip"
