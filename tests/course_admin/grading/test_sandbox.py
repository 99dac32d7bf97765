"""What the sandbox lets through and what it keeps; `test_attacks` tries to get out."""

import ast
import fcntl
import itertools
import os
import shutil
import struct
import sys
from pathlib import Path

import pytest

import course_checks
from conftest import skip_or_fail
from course_admin.grading import sandbox, seccomp
from course_admin.grading.kernel import Kernel, KernelDied
from course_admin.grading.sandbox import NOBODY, Limits, sandbox_problem

LIMITS = Limits(cell_seconds=10, total_seconds=60)


@pytest.fixture
def working():
    if problem := sandbox_problem():
        skip_or_fail(problem)


def test_missing_program_is_named(monkeypatch):
    monkeypatch.setattr(sandbox.sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "bwrap" else f"/{name}")
    assert sandbox_problem() == "not installed here: bwrap"


def test_other_system_is_named(monkeypatch):
    monkeypatch.setattr(sandbox.sys, "platform", "darwin")
    assert "darwin" in sandbox_problem()


def test_sandbox_that_does_not_start_is_a_problem(monkeypatch, tmp_path, working):
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho no permission >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert sandbox_problem() == "bubblewrap does not work here: no permission"


def test_sandbox_works_here(working):
    assert sandbox_problem() is None


HIDDEN = (
    *("instructor", "tests", "data_scripts", "experiments", "graded", ".git"),
    *("course_admin/cli.py", "course_admin/grading/judge.py"),
    *("course_checks/lesson_03.py", "course_checks/verdict.py", "course_checks/__pycache__"),
)


def shown_by(command: list[str]) -> list[Path]:
    options = ("--bind", "--ro-bind", "--dev-bind")
    return [Path(command[i + 1]) for i, word in enumerate(command) if word in options]


def test_only_python_the_course_and_its_data_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    command = sandbox.sandbox_command(["true"], tmp_path, LIMITS)
    rooms = Path(sandbox.__file__).parents[2]
    shown = shown_by(command)
    for name in HIDDEN:
        assert not any((rooms / name).is_relative_to(folder) for folder in shown), name
    for name in ("course_utils", "course_checks/protocol.py", "course_admin/grading/agent.py"):
        assert rooms / name in shown
    assert not {"--bind", "--dev-bind"} & set(command)


def test_what_the_agent_imports_is_shown():
    checks = Path(course_checks.__file__).parent
    files = [Path(sandbox.agent.__file__), *(checks / name for name in sandbox.SHOWN_CHECKS)]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    imported = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    needed = {f"{name.partition('.')[2]}.py" for name in imported if "course_checks" in name}
    assert needed <= set(sandbox.SHOWN_CHECKS)


def test_weights_in_the_mirror_are_shown(tmp_path, monkeypatch):
    weights = tmp_path / sandbox.MIRROR_WEIGHTS
    weights.parent.mkdir()
    weights.touch()
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path))
    command = sandbox.sandbox_command(["true"], tmp_path, LIMITS)
    assert words_after(command, weights) == [str(weights), f"/mirror/{sandbox.MIRROR_WEIGHTS}"]
    assert words_after(command, "COURSE_MIRROR") == ["COURSE_MIRROR", "/mirror"]


def words_after(command: list[str], word: str | Path) -> list[str]:
    return command[command.index(str(word)) :][:2]


def test_images_can_be_left_out_and_features_with_them(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    edition = sandbox.current_edition()
    (edition.folder / "dogs_vs_cats" / "test").mkdir(parents=True)
    features = tmp_path / "cache" / "features" / "of_test_images.npy"
    features.parent.mkdir(parents=True)
    features.touch()
    assert features in shown_by(sandbox.sandbox_command(["true"], tmp_path, LIMITS))
    left_out = ["dogs_vs_cats/test", "dogs_vs_cats/never_downloaded"]
    command = sandbox.sandbox_command(["true"], tmp_path, LIMITS, hidden_folders=left_out)
    folder = f"/data/{edition.name}/dogs_vs_cats/test"
    assert command[command.index(folder) - 1 :][:4] == ["--tmpfs", folder, "--remount-ro", folder]
    assert not any("never_downloaded" in word for word in command)
    assert features not in shown_by(command)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The course among other packages, in an environment of its own."""
    packages = tmp_path / "environment" / "packages"
    for name in ("course_utils", "course_checks", "keras"):
        (packages / name).mkdir(parents=True)
        (packages / name / "__init__.py").touch()
    monkeypatch.setattr(sandbox.sys, "prefix", str(packages.parent))
    monkeypatch.setattr(sandbox.sys, "base_prefix", "/usr")
    monkeypatch.setattr(sandbox.course_utils, "__file__", f"{packages}/course_utils/__init__.py")
    return packages


def test_an_installed_course_is_hidden_among_the_other_packages(installed, tmp_path):
    command = sandbox.sandbox_command(["true"], tmp_path, LIMITS)
    assert installed.parent in shown_by(command)
    hidden = [next_one for word, next_one in itertools.pairwise(command) if word == "--tmpfs"]
    assert hidden[2:] == [f"{installed}/course_checks", f"{installed}/course_utils"]


def test_hidden_tests_in_a_folder_that_is_shown_are_a_problem(working, installed):
    assert sandbox._exposed([]) is None
    assert sandbox._exposed([installed / "graded"]) == (installed / "graded", installed.parent)
    (installed / "instructor").mkdir()
    problem = sandbox_problem()
    assert str(installed) in problem and "submissions can read" in problem


def user_of(command: list[str]) -> int:
    (word,) = [word for word in command if word.startswith("--reuid=")]
    return int(word.partition("=")[2])


def test_root_becomes_another_user_for_each_sandbox(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setattr(sandbox.Path, "read_text", lambda path: "0 0 4294967295")
    commands = [sandbox.sandbox_command(["true"], tmp_path, LIMITS) for _ in range(10)]
    users = {user_of(command[: command.index("prlimit")]) for command in commands}
    assert len(users) == 10
    assert users < set(sandbox.USERS)
    monkeypatch.setattr(sandbox.Path, "read_text", lambda path: "0 100000 65536")
    assert user_of(sandbox.sandbox_command(["true"], tmp_path, LIMITS)) == NOBODY
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert "setpriv" not in sandbox.sandbox_command(["true"], tmp_path, LIMITS)


def test_kernel_runs_code_and_says_what_came_of_it(working):
    with Kernel(LIMITS) as kernel:
        assert kernel.run("print(6 * 7)").outputs[0].text == "42\n"
        assert kernel.run("1 / 0").outputs[0].ename == "ZeroDivisionError"
        slow = kernel.run("import time; time.sleep(60)", seconds=1)
        assert slow.timed_out and "longer than 1 s" in slow.outputs[-1].evalue
        assert kernel.run("6 * 7").outputs[0].data["text/plain"] == "42"
        long = kernel.run("for _ in range(3): print('x' * 600_000)")
        assert long.cut and "output cut" in long.outputs[-1].text
        with pytest.raises(KernelDied, match="process ended"):
            kernel.run("import os; os._exit(1)")
        with pytest.raises(KernelDied, match="process ended"):
            kernel.run("1")
    assert not Path(kernel._folder).exists()


def test_trusted_kernel_runs_as_the_grader():
    with Kernel(LIMITS, trusted=True) as kernel:
        said = kernel.run("import os, sys; print(os.getuid(), sys.prefix)").outputs[0].text
    assert said.split() == [str(os.getuid()), sys.prefix]


FILTERED = """
import fcntl, os, socket, sys

def outcome(function, *arguments):
    try:
        function(*arguments)
        return "done"
    except OSError as error:
        return error.errno

file = open(sys.executable)
print(outcome(os.memfd_create, "x"), outcome(fcntl.fcntl, file, fcntl.F_SETLEASE, fcntl.F_RDLCK))
print(outcome(fcntl.flock, file, fcntl.LOCK_EX), outcome(fcntl.lockf, file, fcntl.LOCK_EX))
print(outcome(socket.socket, socket.AF_UNIX), outcome(socket.socket, 40, socket.SOCK_STREAM))
"""


def test_filter_refuses_what_it_names_and_nothing_else(working):
    with Kernel(LIMITS) as kernel:
        assert kernel.run(FILTERED).outputs[0].text == "38 38\ndone done\ndone 97\n"
        assert kernel.run("import mmap; area = mmap.mmap(-1, 4096)").outputs == []
        with Path(sys.executable).open() as file:  # what is locked inside is not locked
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with Kernel(LIMITS, trusted=True) as kernel:
        said = kernel.run(FILTERED).outputs[0].text.split()
    assert [said[0], *said[2:5]] == ["done", "done", "9", "done"]


def test_check_is_absent_inside_and_stops_nothing(working):
    code = "import course_checks as checks\nchecks.any_name(len, points=2)\nprint('goes on')"
    with Kernel(LIMITS) as kernel:
        (output,) = kernel.run(code).outputs
        assert "run in the grader" in output.text and "goes on" in output.text
        assert kernel.run("from course_checks import lesson_03; lesson_03('x')").outputs
        gone = kernel.run("import course_checks.lesson_03").outputs[-1]
        assert gone.ename == "ModuleNotFoundError"


def test_machine_without_a_filter_goes_without(monkeypatch, tmp_path):
    monkeypatch.setattr(seccomp.platform, "machine", lambda: "riscv64")
    assert seccomp.program() is None
    assert sandbox._with_filter(["bwrap"], tmp_path) == ["bwrap"]


def test_filter_has_a_number_for_each_name():
    assert all(call.x86_64 is not None for call in seccomp.REFUSED.values())
    for machine in seccomp.MACHINES:
        numbers = [getattr(call, machine) for call in seccomp.REFUSED.values()]
        known = [number for number in numbers if number is not None]
        assert len(set(known)) == len(known)


def test_jumps_of_the_filter_stay_inside(monkeypatch):
    for machine in seccomp.MACHINES:
        monkeypatch.setattr(seccomp.platform, "machine", lambda name=machine: name)
        steps = list(struct.iter_unpack("=HBBI", seccomp.program()))
        for i, (code, if_true, if_false, _) in enumerate(steps):
            if code in (seccomp.IF_EQUAL, seccomp.IF_AT_LEAST):
                assert i + 1 + max(if_true, if_false) < len(steps)
