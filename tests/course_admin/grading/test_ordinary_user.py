"""The sandbox of a grader who is not root, with programs of /usr; as `nobody` where we are root."""

import os
import subprocess
from pathlib import Path

import pytest

from conftest import skip_or_fail
from course_admin.grading import sandbox


@pytest.fixture
def run_inside(monkeypatch):
    """Run a shell script in the sandbox of an ordinary user; return what it prints."""
    if problem := sandbox.sandbox_problem():
        skip_or_fail(problem)
    become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
    become = become if os.getuid() == 0 else []
    # What lies in root's home cannot be shown by another user, and is not needed here
    monkeypatch.setattr(sandbox.os, "getuid", lambda: sandbox.NOBODY)
    monkeypatch.setattr(sandbox, "_python_folders", list)
    monkeypatch.setattr(sandbox, "_course_code", list)
    monkeypatch.setattr(sandbox, "_data", list)
    monkeypatch.setattr(sandbox, "_features", list)

    def run(script: str) -> str:
        with sandbox.tempfile.TemporaryDirectory(dir="/tmp") as folder:
            if become:
                os.chown(folder, sandbox.NOBODY, sandbox.NOBODY)
            limits = sandbox.Limits(processes=60)
            command = sandbox.sandbox_command(["/bin/sh", "-c", script], Path(folder), limits)
            result = subprocess.run(
                [*become, *command], capture_output=True, text=True, timeout=30, cwd="/"
            )
        return result.stdout + result.stderr

    return run


def test_environment_of_the_grader_is_not_that_of_process_1(run_inside, monkeypatch):
    monkeypatch.setenv("GRADERS_PASSWORD", "a password")
    found = run_inside("echo began; cat /proc/*/environ | tr '\\0' '\\n'")
    assert "began" in found and "COURSE_DATA=" in found
    assert "a password" not in found


def test_there_are_no_rights_and_none_to_be_had(run_inside):
    found = run_inside("grep -h CapEff /proc/self/status; unshare -U echo got rights")
    assert "0000000000000000" in found
    assert "got rights" not in found


def test_nothing_but_the_memory_can_be_written_to(run_inside):
    found = run_inside(
        "id -u; cat /proc/sys/kernel/hostname; touch /x /learner/x /tmp/y; ls /learner"
    )
    assert found.split("\n")[:2] == [str(sandbox.LEARNER), "sandbox"]
    assert "'/x': Read-only" in found
    assert found.splitlines()[2] == "x"


def test_nothing_of_the_machine_is_shown(run_inside):
    folders = f"/etc /home {os.sep}root /var"
    found = run_inside(f"ls {folders}; ls /proc/1/root/etc; echo ended").splitlines()
    assert found[-1:] == ["ended"] or "ended" in found
    assert all("No such file" in line or line == "ended" for line in found), found


def test_every_process_inside_has_its_limits(run_inside):
    found = run_inside("sleep 5 & grep -h 'Max processes' /proc/[0-9]*/limits")
    lines = found.splitlines()
    assert len(lines) >= 2
    assert {tuple(line.split()[2:4]) for line in lines} == {("60", "60")}
