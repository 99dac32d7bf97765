"""The test command: all parts run whatever becomes of one, and pocket lessons run offline."""

import os
import subprocess
import sys
from pathlib import Path

import offline
import pytest
import run
from conftest import skip_or_fail

TESTS = Path(__file__).resolve().parents[1]
ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010011AC	0003	0	0	0	00000000	0	0	0
"""
SUCCEED = [sys.executable, "-c", ""]
FAIL = [sys.executable, "-c", "raise SystemExit(3)"]


@pytest.fixture
def parts(monkeypatch):
    """Two parts in place of the real ones; the list of those that ran."""
    ran = []

    def part(name, outcome):
        def run_part():
            """A part."""
            ran.append(name)
            return outcome

        return run_part

    stand_ins = {"good": part("good", "passed"), "bad": part("bad", "FAILED: ruff")}
    monkeypatch.setattr(run, "PARTS", stand_ins)
    return ran


@pytest.mark.parametrize(
    ("asked", "ran", "status"),
    [([], ["good", "bad"], 1), (["bad", "good"], ["bad", "good"], 1), (["good"], ["good"], 0)],
)
def test_all_parts_run_and_one_failure_fails(parts, monkeypatch, capsys, asked, ran, status):
    monkeypatch.setattr(sys, "argv", ["run.py", *asked])
    assert run.main() == status
    assert sorted(parts) == sorted(ran)
    summary = capsys.readouterr().out.partition("Summary")[2]
    assert all(name in summary for name in ran)
    assert ("FAILED: ruff" in summary) == (status == 1)


def test_unknown_part_is_refused(parts, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run.py", "good", "lnt"])
    with pytest.raises(SystemExit):
        run.main()
    assert "no such part: lnt; choose from good, bad" in capsys.readouterr().err
    assert parts == []


def test_every_command_runs_and_failures_are_named():
    assert run.run_commands([SUCCEED, SUCCEED]) == "passed"
    outcome = run.run_commands([FAIL, SUCCEED, FAIL])
    assert outcome.startswith("FAILED")
    assert outcome.count("SystemExit(3)") == 2


def test_lines_of_two_parts_can_be_told_apart(monkeypatch, capsys):
    def part(code):
        return lambda: run.run_commands([[sys.executable, "-c", code]])

    monkeypatch.setattr(run, "PARTS", {"a": part("print('of a')"), "b": part("1 / 0")})
    results = run.run_parts(["a", "b"])
    assert [(result.part, result.failed) for result in results] == [("a", False), ("b", True)]
    lines = capsys.readouterr().out.splitlines()
    assert "a      | of a" in lines
    assert "b      | ZeroDivisionError: division by zero" in lines


def test_environment_is_set_and_taken_away(monkeypatch):
    monkeypatch.setenv("COURSE_BACKBONE", "vgg16")
    code = "import os; assert os.environ['A'] == 'b' and 'COURSE_BACKBONE' not in os.environ"
    assert run.run_commands([[sys.executable, "-c", code]], A="b", COURSE_BACKBONE=None) == "passed"


def test_tests_with_a_browser_come_last(request):
    # Playwright's event loop runs from the first of them to the end, in the way of other tests.
    browser = ["playwright" in getattr(x, "fixturenames", ()) for x in request.session.items]
    assert browser == sorted(browser)


@pytest.mark.parametrize(("ci", "failed"), [("true", True), ("false", False)])
def test_notebooks_with_a_network_pass_on_a_laptop_only(monkeypatch, ci, failed):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(run, "offline_command", lambda command: None)
    monkeypatch.setattr(run, "run_commands", lambda commands, **environment: "passed")
    assert run.pocket().startswith("FAILED") == failed
    assert "could not be cut off" in run.pocket()


def test_photo_part_says_that_it_did_not_run(monkeypatch):
    monkeypatch.setattr(run, "mirror", lambda: None)
    assert run.photo().startswith("not run")


def test_photo_part_stops_where_fetching_fails(monkeypatch):
    monkeypatch.setattr(run, "mirror", lambda: "mirror")
    monkeypatch.setattr(run, "run_commands", lambda commands, **environment: "FAILED: fetch")
    assert run.photo() == "FAILED: fetch"


def test_mirror_is_the_named_one_or_the_one_beside(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "REPOSITORY", tmp_path / "course")
    monkeypatch.delenv("COURSE_MIRROR", raising=False)
    assert run.mirror() is None
    (tmp_path / "shared" / "mirror").mkdir(parents=True)
    assert run.mirror() == str(tmp_path / "shared" / "mirror")
    monkeypatch.setenv("COURSE_MIRROR", "elsewhere")
    assert run.mirror() == str(Path("elsewhere").resolve())


def test_routes_are_found():
    assert len(offline.routes(ROUTES)) == 1
    assert offline.routes(ROUTES.splitlines()[0] + "\n") == []


def test_offline_command_has_no_network():
    proof = TESTS / "network_is_cut.py"
    command = offline.offline_command([sys.executable, "-m", "pytest", str(proof)])
    if command is None:
        skip_or_fail("unshare cannot cut the network off here")
    # plugins that are not needed take longer to load than the tests to run
    lean = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    result = subprocess.run(command, cwd=TESTS.parent, env=lean, capture_output=True, text=True)
    assert "3 passed" in result.stdout, result.stdout


def test_offline_command_hands_the_exit_status_on():
    command = offline.offline_command(FAIL)
    if command is None:
        skip_or_fail("unshare cannot cut the network off here")
    assert subprocess.run(command).returncode == 3


def test_no_offline_command_without_unshare(monkeypatch):
    monkeypatch.setattr(offline.shutil, "which", lambda name: None)
    assert offline.offline_command(SUCCEED) is None
