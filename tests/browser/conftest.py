"""JupyterLab as a learner has it, in a browser: a server of its own for the tests."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe

REPOSITORY = Path(__file__).resolve().parents[2]
TOKEN = "token-of-the-tests"
START_SECONDS = 120


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    return {**browser_context_args, "viewport": {"width": 1280, "height": 1000}}


@dataclass
class Lab:
    """A running JupyterLab whose folder is a copy of ``notebooks``."""

    url: str
    folder: Path

    def open(self, page, path: str) -> "Notebook":
        """Open a notebook and wait until its kernel answers."""
        page.goto(f"{self.url}/lab/tree/{path}?token={TOKEN}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        notebook = Notebook(page)
        notebook.js(
            "await panel.sessionContext.ready; await panel.sessionContext.session.kernel.info"
        )
        return notebook

    def write(self, name: str, *cells: str) -> str:
        """Write a notebook of these code cells and return its name, for `open`."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        # Without it JupyterLab asks which kernel to take.
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, self.folder / name)
        return name


@dataclass
class Notebook:
    """The notebook that a page shows."""

    page: object

    def js(self, code: str):
        """Run JavaScript with the notebook's ``panel`` and its ``cells`` at hand."""
        names = "const panel = jupyterapp.shell.currentWidget; const cells = panel.content.widgets;"
        return self.page.evaluate(f"async () => {{ {names} {code} }}")

    def run_all(self) -> None:
        """Run all cells and wait for the last."""
        self.js("await jupyterapp.commands.execute('notebook:run-all-cells')")

    def run_cell(self, number: int):
        """Run one cell as a learner does, wait, and return its output area."""
        self.js(f"panel.content.activeCellIndex = {number}; panel.content.mode = 'command'")
        self.js("await jupyterapp.commands.execute('notebook:run-cell')")
        return self.cell(number).locator(".jp-OutputArea-output")

    def cell(self, number: int):
        """Bring a cell into view and return it; JupyterLab draws only those near the view."""
        self.js(f"await panel.content.scrollToItem({number}, 'center')")
        return self.page.locator(f'.jp-Cell[data-windowed-list-index="{number}"]')

    def type_into(self, number: int, source: str) -> None:
        """Replace what stands in a code cell, with the keyboard."""
        editor = self.cell(number).locator(".cm-content")
        editor.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.press("Delete")
        self.page.keyboard.insert_text(source)

    def find(self, part: str) -> int:
        """Return the number of the first cell whose source contains a text."""
        sources = self.js("return cells.map(cell => cell.model.sharedModel.getSource())")
        return next(i for i, source in enumerate(sources) if part in source)

    def save(self) -> None:
        """Save with Ctrl+S, and wait until the file is written."""
        self.page.keyboard.press("Control+s")
        saved = "() => !jupyterapp.shell.currentWidget.context.model.dirty"
        self.page.wait_for_function(saved, timeout=30_000)

    def errors(self) -> list[str]:
        """The errors that stand in its outputs."""
        return self.js(
            "return cells.flatMap(cell => (cell.model.sharedModel.toJSON().outputs || [])"
            ".filter(output => output.output_type === 'error').map(output => output.evalue))"
        )


THEMES = ("JupyterLab Light", "JupyterLab Dark")


def use_theme(page, theme: str) -> None:
    """Change JupyterLab's theme, and wait until its colours are there."""
    page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: '{theme}'}})")
    page.wait_for_function(f"document.body.dataset.jpThemeName === '{theme}'")
    page.wait_for_timeout(500)  # the style sheet arrives after the name


def barriers(page, selector: str) -> list[str]:
    """What axe-core finds that keeps people out, inside the elements of a CSS selector."""
    # JupyterLab itself has no landmark or heading for what a notebook shows.
    found = Axe().run(page, context=selector, options={"resultTypes": ["violations"]})
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:200]}"
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ]


def free_port() -> int:
    """Return a port of loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Start JupyterLab with everything of its own in a temporary folder."""
    home = tmp_path_factory.mktemp("jupyter")
    folder = home / "notebooks"
    shutil.copytree(REPOSITORY / "notebooks", folder, ignore=shutil.ignore_patterns(".*"))
    news = home / "settings" / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)
    (news / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}))
    port = free_port()
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
        "--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}",
        f"--IdentityProvider.token={TOKEN}", "--LabApp.expose_app_in_browser=True",
        f"--LabApp.user_settings_dir={home / 'settings'}",
        f"--LabApp.workspaces_dir={home / 'workspaces'}",
    ]  # fmt: skip
    own = {
        f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")
    }
    data = os.environ.get("COURSE_DATA") or str(REPOSITORY / "data")
    environment = {**os.environ, **own, "COURSE_DATA": data, "IPYTHONDIR": str(home / "ipython")}
    with (home / "log.txt").open("wb") as log:
        server = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", server, home / "log.txt")
        yield Lab(f"http://127.0.0.1:{port}", folder)
    finally:
        server.terminate()
        server.wait(30)


def wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    """Wait until a server answers."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-2000:]}")
