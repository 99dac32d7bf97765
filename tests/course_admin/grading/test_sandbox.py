"""What the sandbox lets through and what it keeps; `test_attacks` tries to get out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
)


def bound_folders(command: list[str]) -> list[Path]:
    return [
        Path(command[i + 1])
        for i, word in enumerate(command)
        if word in ("--bind", "--ro-bind", "--dev-bind")
    ]


def test_only_python_the_course_and_its_data_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    command = sandbox.sandbox_command(["true"], tmp_path, LIMITS)
    rooms = Path(sandbox.__file__).parents[2]
    shown = bound_folders(command)
    for name in HIDDEN:
        assert not any((rooms / name).is_relative_to(folder) for folder in shown), name
    for name in ("course_utils", "course_checks", "course_admin/grading/agent.py"):
        assert rooms / name in shown
    writable = [command[i + 1] for i, word in enumerate(command) if word == "--bind"]
    assert writable == [str(tmp_path)]


def test_an_installed_course_is_shown_with_the_other_packages(monkeypatch):
    site_packages = Path(sandbox.__file__).parents[2]
    monkeypatch.setattr(sandbox.sys, "prefix", str(site_packages.parent))
    monkeypatch.setattr(sandbox.sys, "base_prefix", "/usr")
    assert sandbox._python_folders() == [site_packages.parent]


def test_root_becomes_somebody_else_first(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    command = sandbox.sandbox_command(["true"], tmp_path, LIMITS)
    assert f"--reuid={NOBODY}" in command[: command.index("prlimit")]
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert "setpriv" not in sandbox.sandbox_command(["true"], tmp_path, LIMITS)


def test_user_who_is_not_root_has_no_rights_inside(tmp_path, monkeypatch, working):
    if os.getuid() != 0:
        pytest.skip("only root can try what another user gets; test_attacks runs as this user")
    # Python may lie where only root can look: the programs of /usr are enough here
    monkeypatch.setattr(sandbox, "_python_folders", list)
    monkeypatch.setattr(sandbox, "_data_folders", list)
    monkeypatch.setattr(sandbox, "data_root", lambda: tmp_path / "none")
    shared = Path("/tmp") / f"shared-{os.getpid()}"
    shared.mkdir()
    os.chown(shared, NOBODY, NOBODY)
    monkeypatch.setattr(os, "getuid", lambda: NOBODY)
    script = (
        "id -u; grep CapEff /proc/self/status; touch /x || echo no; unshare -U true || echo no;"
        "ls /proc | grep -c '^[0-9]'; touch /learner/x && echo yes"
    )
    command = sandbox.sandbox_command(["/usr/bin/bash", "-c", script], shared, LIMITS)
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    try:
        result = subprocess.run([*become, *command], capture_output=True, text=True, timeout=60)
    finally:
        shutil.rmtree(shared)
    lines = result.stdout.split()
    assert lines[:3] == [str(NOBODY), "CapEff:", "0000000000000000"], result.stderr
    assert lines[3:5] == ["no", "no"]
    assert int(lines[5]) < 8
    assert lines[6] == "yes"


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


def test_filter_refuses_what_it_names_and_nothing_else(working):
    code = """
import os
try:
    print(os.memfd_create("x") > 0)
except OSError as error:
    print(error.errno)
"""
    with Kernel(LIMITS) as kernel:
        assert kernel.run(code).outputs[0].text == "1\n"
        assert kernel.run("import mmap; area = mmap.mmap(-1, 4096)").outputs == []
    with Kernel(LIMITS, trusted=True) as kernel:
        assert kernel.run(code).outputs[0].text == "True\n"


def test_machine_without_a_filter_goes_without(monkeypatch, tmp_path):
    monkeypatch.setattr(seccomp.platform, "machine", lambda: "riscv64")
    assert seccomp.program() is None
    assert sandbox._with_filter(["bwrap"], tmp_path) == ["bwrap"]


def test_filter_has_a_number_for_each_name():
    assert {len(numbers) for _, numbers in seccomp.MACHINES.values()} == {len(seccomp.NAMES)}
