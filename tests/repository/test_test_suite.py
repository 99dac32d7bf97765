"""How the tests themselves run: notebooks offline, in order, and executed copies kept apart."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import executed_notebooks
import nbformat
import offline
import pytest

from conftest import pytest_xdist_auto_num_workers, skip_or_fail, uses_browser

TESTS = Path(__file__).resolve().parents[1]
ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010011AC	0003	0	0	0	00000000	0	0	0
"""
SUCCEED = [sys.executable, "-c", ""]
FAIL = [sys.executable, "-c", "raise SystemExit(3)"]


def test_routes_are_found():
    assert len(offline.routes(ROUTES)) == 1
    assert offline.routes(ROUTES.splitlines()[0] + "\n") == []


def run_offline(command: list[str], **environment: str) -> subprocess.CompletedProcess:
    if offline.offline_command(command) is None:
        skip_or_fail("unshare cannot cut the network off here")
    # plugins that are not needed take longer to load than the tests to run
    lean = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""} | environment
    start = [sys.executable, str(TESTS / "offline.py"), *command]
    return subprocess.run(start, cwd=TESTS.parent, env=lean, capture_output=True, text=True)


def test_command_has_no_network():
    result = run_offline([sys.executable, "-m", "pytest", "tests/network_is_cut.py"])
    assert "3 passed" in result.stdout, result.stdout


def test_exit_status_is_that_of_the_command():
    assert run_offline(FAIL).returncode == 3
    assert run_offline(SUCCEED).returncode == 0


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("false", 0)])
def test_without_unshare_the_command_runs_on_a_laptop_only(monkeypatch, tmp_path, ci, status):
    start = [sys.executable, str(TESTS / "offline.py"), *SUCCEED]
    environment = {"PATH": str(tmp_path), "CI": ci}
    assert subprocess.run(start, env=environment, capture_output=True).returncode == status


@pytest.mark.parametrize(("gigabytes", "cores", "workers"), [(3, 8, 1), (16, 2, 2), (17, 8, 4)])
def test_workers_are_as_many_as_there_is_memory_for(monkeypatch, gigabytes, cores, workers):
    memory = SimpleNamespace(total=gigabytes * 2**30)
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert pytest_xdist_auto_num_workers(config=None) == workers


def test_files_with_a_browser_come_last(request):
    # Playwright's event loop runs from the first of them to the end, in the way of other tests.
    items = request.session.items
    with_browser = {item.path for item in items if uses_browser(item)}
    last = [item.path in with_browser for item in items]
    assert last == sorted(last)


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    monkeypatch.setattr(executed_notebooks, "REPOSITORY", tmp_path)
    path = tmp_path / "notebooks" / "lesson.ipynb"
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")]), path)
    return path


def test_executed_copy_is_that_of_the_notebook_as_it_is_now(notebook):
    with pytest.raises(FileNotFoundError, match="make notebooks"):
        executed_notebooks.read_executed(notebook)
    executed = nbformat.read(notebook, as_version=4)
    executed.cells[0].outputs = [nbformat.v4.new_output("stream", text="2")]
    executed_notebooks.save_executed(executed, notebook)
    assert executed_notebooks.read_executed(notebook).cells[0].outputs[0].text == "2"
    notebook.write_text(notebook.read_text().replace("1 + 1", "1 + 2"))
    with pytest.raises(FileNotFoundError, match="not executed as it is now"):
        executed_notebooks.read_executed(notebook)
