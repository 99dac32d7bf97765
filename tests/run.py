"""Run all tests, two parts at a time, and say which ran: what ``make test`` calls.

Every part runs, also after one that failed; the exit status is 1 if any failed. Each line of
output begins with the part that it comes from.
"""

import argparse
import os
import shlex
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from offline import offline_command

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDERS = ["notebooks", "instructor/source"]
NOTEBOOKS = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for folder in FOLDERS
    for path in REPOSITORY.glob(f"{folder}/**/*.ipynb")
    if path.parent.name not in ("to_hand_in", ".ipynb_checkpoints")
)
PYTHON = sys.executable
PYTEST = [PYTHON, "-m", "pytest"]
# A lesson takes a minute; a cell that takes ten hangs.
NBVAL = [*PYTEST, "--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=600"]


@dataclass
class Result:
    """What became of one part."""

    part: str
    outcome: str
    seconds: float

    @property
    def failed(self) -> bool:
        return self.outcome.startswith("FAILED")


def run_commands(commands: list[list[str]], **environment: str | None) -> str:
    """Run all commands and return ``"passed"``, or ``"FAILED"`` and which ones.

    Keyword arguments are environment variables, None takes one away.
    """
    changed = {**os.environ, **environment}
    changed = {name: value for name, value in changed.items() if value is not None}
    failed = []
    for command in commands:
        say(f"$ {shlex.join(command).replace(PYTHON, 'python')}")
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=changed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        with process:
            for line in process.stdout:
                say(line.rstrip())
        if process.returncode != 0:
            failed.append(shlex.join(command[:4]).replace(PYTHON, "python"))
    return f"FAILED: {'; '.join(failed)}" if failed else "passed"


def say(line: str) -> None:
    """Print a line with the part that it belongs to."""
    # In one piece, so that lines of two parts never mix.
    print(f"{threading.current_thread().name:6} | {line}\n", end="", flush=True)


def style() -> str:
    """Ruff over code and notebooks; no outputs in the notebooks."""
    return run_commands(
        [
            [PYTHON, "-m", "ruff", "check", "."],
            [PYTHON, "-m", "ruff", "format", "--check", "."],
            [PYTHON, "-m", "nbstripout", "--verify", "--keep-id", *NOTEBOOKS],
        ]
    )


def unit() -> str:
    """The tests in ``tests/``."""
    return run_commands([[*PYTEST, "tests"]], COURSE_EDITION="pocket", COURSE_MIRROR=mirror())


def pocket() -> str:
    """Every notebook in the pocket edition, with the network cut off."""
    environment = {"COURSE_EDITION": "pocket", "COURSE_BACKBONE": None, "COURSE_MIRROR": None}
    offline = offline_command([*NBVAL, "tests/network_is_cut.py", *NOTEBOOKS])
    if offline:
        return run_commands([offline], **environment)
    reason = "the network could not be cut off (unshare does not work here)"
    if os.environ.get("CI") == "true":
        return f"FAILED: {reason}"
    return f"{run_commands([[*NBVAL, *NOTEBOOKS]], **environment)}, but {reason}"


def photo() -> str:
    """Lessons and solved exercises in the photo edition, with the files of a mirror."""
    if mirror() is None:
        return "not run: COURSE_MIRROR is not set and ../shared/mirror does not exist"
    environment = {"COURSE_EDITION": "photo", "COURSE_MIRROR": mirror()}
    fetched = run_commands([[PYTHON, "-m", "course_admin.cli", "data", "fetch"]], **environment)
    if fetched != "passed":
        return fetched
    # Unsolved, an exercise says in both editions that nothing is answered yet.
    solved = [path for path in NOTEBOOKS if not path.startswith("notebooks/exercises/")]
    return run_commands([[*NBVAL, *solved]], **environment)


def mirror() -> str | None:
    """Return the folder that holds copies of the photo edition's downloads, if there is one."""
    if named := os.environ.get("COURSE_MIRROR"):
        return str(Path(named).expanduser().resolve())  # the notebooks run in another folder
    beside = REPOSITORY.parent / "shared" / "mirror"
    return str(beside) if beside.is_dir() else None


PARTS = {part.__name__: part for part in (style, unit, pocket, photo)}


def run_parts(names: list[str]) -> list[Result]:
    """Run the parts, two at a time, whatever becomes of each."""
    with ThreadPoolExecutor(max_workers=2) as two:
        return list(two.map(run_part, names))


def run_part(name: str) -> Result:
    """Run one part in this thread, which gets its name."""
    threading.current_thread().name = name
    say(f"== {PARTS[name].__doc__}")
    start = time.monotonic()
    outcome = PARTS[name]()
    say(f"== {outcome}")
    return Result(name, outcome, time.monotonic() - start)


def main() -> int:
    """Run the parts that the command line names (all, if none) and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    names = parser.parse_args().parts or list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        parser.error(f"no such part: {', '.join(unknown)}; choose from {', '.join(PARTS)}")
    results = run_parts(names)
    print("\n== Summary")
    for result in results:
        print(f"{result.part:8} {result.seconds:6.0f} s  {result.outcome}")
    return int(any(result.failed for result in results))


if __name__ == "__main__":
    sys.exit(main())
