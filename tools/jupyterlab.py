"""A real JupyterLab of our own in a browser: for tests, benchmarks and screenshots."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).resolve().parents[1]
TOKEN = "token-of-the-tests"
START_SECONDS = 120
THEMES = ("JupyterLab Light", "JupyterLab Dark")


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
        notebook.wait_for_kernel()
        return notebook

    def show(self, page, *cells: str, wait_for: str = ".course-panel") -> "Notebook":
        """Open a notebook of these cells, run the first, and wait for what it shows.

        The same cells share a kernel until `end_kernels`: loading TensorFlow takes longest.
        """
        name = f"shown-{zlib.crc32(repr(cells).encode())}.ipynb"
        notebook = self.open(page, self.write(name, *cells))
        notebook.run_cell(0)
        page.locator(wait_for).first.wait_for()
        return notebook

    def end_kernels(self) -> None:
        """End all kernels; each holds most of a gigabyte."""
        with urllib.request.urlopen(f"{self.url}/api/kernels?token={TOKEN}") as answer:
            kernels = json.load(answer)
        for kernel in kernels:
            address = f"{self.url}/api/kernels/{kernel['id']}?token={TOKEN}"
            urllib.request.urlopen(urllib.request.Request(address, method="DELETE")).close()

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

    def wait_for_kernel(self) -> None:
        """Wait until its kernel answers; before that JupyterLab asks which one to take."""
        self.js("await panel.sessionContext.ready; await panel.sessionContext.session.kernel.info")

    def wait_until_idle(self) -> None:
        """Wait until the kernel has sent all that a change in a widget brings about.

        To be called when the first of it is there; before that the kernel may be idle still.
        """
        idle = "jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
        self.page.wait_for_function(idle)

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
        shown = ".jp-NotebookPanel:not(.lm-mod-hidden)"  # other tabs may be open
        cell = self.page.locator(f'{shown} .jp-Cell[data-windowed-list-index="{number}"]')
        cell.wait_for()
        return cell

    def type_into(self, number: int, source: str) -> None:
        """Replace what stands in a code cell, with the keyboard."""
        editor = self.cell(number).locator(".cm-content")
        editor.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.press("Delete")
        self.page.keyboard.insert_text(source)

    def answer(self, stub: str, source: str, check: str) -> str:
        """Type an answer over a stub, run it and its check; return what the check says."""
        number = self.find(stub)
        self.type_into(number, source.strip())
        self.run_cell(number)
        return self.run_cell(self.find(check)).inner_text()

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


def use_theme(page, theme: str) -> None:
    """Change JupyterLab's theme, and wait until its colours are there."""
    page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: '{theme}'}})")
    page.wait_for_function(f"document.body.dataset.jpThemeName === '{theme}'")
    page.wait_for_timeout(500)  # the style sheet arrives after the name


def barriers(page, selector: str) -> list[str]:
    """What axe-core finds that keeps people out, inside the elements of a CSS selector."""
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


def find_chromium() -> str | None:
    """Return the Chromium of this machine, if it has one; Playwright's own is never downloaded."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextlib.contextmanager
def lab_and_browser() -> Iterator[tuple[Lab, object]]:
    """Start a JupyterLab in a temporary folder, and Chromium; for programs that are no tests."""
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit("There is no Chromium here (Debian, Ubuntu: apt install chromium).")
    with (
        tempfile.TemporaryDirectory() as home,
        running_lab(Path(home)) as lab,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium)
        yield lab, browser
        browser.close()


@contextlib.contextmanager
def running_lab(home: Path) -> Iterator[Lab]:
    """Start JupyterLab with everything of its own in a temporary folder."""
    folder = home / "notebooks"
    shutil.copytree(REPOSITORY / "notebooks", folder, ignore=shutil.ignore_patterns(".*"))
    settings_without_news(home / "settings")
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        f"--ServerApp.root_dir={folder}",
        *lab_options(home),
    ]
    with serve(command, home, port):
        yield Lab(f"http://127.0.0.1:{port}", folder)


def lab_options(home: Path) -> list[str]:
    """Return options of JupyterLab that keep it apart from the user's own."""
    return [
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}",
        "--LabApp.expose_app_in_browser=True",
        f"--LabApp.user_settings_dir={home / 'settings'}",
        f"--LabApp.workspaces_dir={home / 'workspaces'}",
    ]


def settings_without_news(folder: Path) -> None:
    """Switch off the question whether to fetch news, which covers the page."""
    write_settings(folder, "apputils-extension/notification", {"fetchNews": "false"})


def write_settings(folder: Path, plugin: str, settings: dict) -> Path:
    """Write settings of one of JupyterLab's own plugins, and return the file."""
    file = folder / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(settings))
    return file


@contextlib.contextmanager
def serve(command: list[str], home: Path, port: int, cwd: Path | None = None) -> Iterator[None]:
    """Run a server whose folders are all in ``home``, wait until it answers, and end it."""
    own = {
        f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")
    }
    data = os.environ.get("COURSE_DATA") or str(REPOSITORY / "data")
    environment = {**os.environ, **own, "COURSE_DATA": data, "IPYTHONDIR": str(home / "ipython")}
    with (home / "log.txt").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=cwd or home,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", server, home / "log.txt")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)  # with its kernels, and what make started
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
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-2000:]}")
