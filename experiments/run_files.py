"""CSV files to which an experiment appends one row per run, so that it can resume."""

import csv
from dataclasses import asdict, fields
from pathlib import Path

from course_utils.measured.runs import Run


def read_runs(file: Path, kind: type = Run) -> list:
    """Read the measured runs; drop a last row that was cut short when the script was killed."""
    if not file.exists():
        return []
    whole, _, broken = file.read_text(encoding="utf-8").rpartition("\n")
    if broken:
        file.write_text(f"{whole}\n" if whole else "", encoding="utf-8")
    return [kind.from_text(row) for row in csv.DictReader(whole.splitlines())]


def append(file: Path, run) -> None:
    """Append a run to the CSV file; the first one gets a header."""
    is_new = not file.exists() or not file.stat().st_size
    with file.open("a", encoding="utf-8", newline="") as rows:
        writer = csv.DictWriter(rows, [field.name for field in fields(run)], lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(run))
