"""The ``course`` command: check the machine, look after the data, release and grade exercises."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from course_utils.editions import DATASETS, EDITIONS, Edition, current_edition

EXAMPLES = """\
examples:
  course doctor                         can this machine run the course?
  course data make                      draw the pocket edition's pictures
  course data list                      what is there?
  course data fetch                     fetch the photo edition's photographs
  course data verify --edition photo    are they unchanged?
  course release                        make the learners' versions of the exercises
  course grade handed_in.zip            grade what came back, into the folder graded

The edition is that of COURSE_EDITION (pocket if unset). COURSE_MIRROR names a folder
with copies of the photo edition's files, COURSE_DATA another place for all data.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except (OSError, ValueError) as error:
        print(f"course: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ncourse: interrupted; run the same command again to go on", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = _described(argparse.ArgumentParser(prog="course"), "Tools of the course.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    doctor = _command(commands, "doctor", _doctor, "check this machine, and say what to do")
    _add_edition(doctor)
    data = _command(commands, "data", None, "make, fetch, verify or list the data")
    _add_data_commands(data.add_subparsers(title="commands", metavar="COMMAND", required=True))
    _add_release(commands)
    _add_grade(commands)
    return parser


def _add_release(commands) -> None:
    purpose = "make the learners' versions of the exercises, and a zip to hand out"
    release = _command(commands, "release", _release, purpose)
    release.add_argument(
        "--source",
        type=Path,
        default=Path("instructor/source"),
        metavar="FOLDER",
        help="where the instructor's versions are (default: %(default)s)",
    )
    release.add_argument(
        "--into",
        type=Path,
        default=Path("notebooks/exercises"),
        metavar="FOLDER",
        help="where the learners' versions go (default: %(default)s)",
    )
    release.add_argument(
        "--zip",
        type=Path,
        default=Path("exercises.zip"),
        metavar="FILE",
        help="the zip to hand out (default: %(default)s)",
    )
    release.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 where some are stale"
    )


def _add_data_commands(commands) -> None:
    make = _command(commands, "make", _make, "draw the pocket edition's pictures (about a minute)")
    _add_edition(make, "pocket")
    make.add_argument("--seed", type=int, help="draw other pictures of the same kind (default: 0)")
    make.add_argument("--again", action="store_true", help="also where they are there already")
    fetch = _command(commands, "fetch", _fetch, "fetch the photo edition's photographs")
    _add_edition(fetch, "photo")
    fetch.add_argument(
        "datasets", nargs="*", metavar="DATASET", help=f"{' or '.join(DATASETS)} (default: both)"
    )
    verify = _command(commands, "verify", _verify, "compare all files with their sha256 sums")
    _add_edition(verify)
    listing = _command(commands, "list", _list, "show what is there")
    _add_edition(listing)


def _add_grade(commands) -> None:
    purpose = "grade what learners handed in, each in a sandbox (see instructor/README.md)"
    grade = _command(commands, "grade", _grade, purpose)
    _add_edition(grade)
    grade.add_argument(
        "submissions", type=Path, help="folder or zip from a learning platform, or a folder each"
    )
    grade.add_argument(
        "--into", type=Path, default=Path("graded"), help="output folder (default: graded)"
    )
    grade.add_argument(
        "--instructor",
        type=Path,
        default=Path("instructor"),
        help="folder of nbgrader_config.py and source (default: instructor)",
    )
    grade.add_argument("--workers", type=int, help="submissions at a time (default: processors)")
    grade.add_argument("--db", metavar="URL", help="gradebook (default: gradebook.db in --into)")
    grade.add_argument(
        "--time-limit", type=float, metavar="SECONDS", help="for one submission (default: 600)"
    )
    grade.add_argument("--again", action="store_true", help="also what has not changed")
    grade.add_argument(
        "--i-trust-these-submissions",
        action="store_true",
        help="run them without a sandbox, with all that you may do on this machine",
    )


def _command(commands, name: str, run, purpose: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=purpose)
    parser.set_defaults(run=run)
    return _described(parser, purpose[0].upper() + purpose[1:] + ".")


def _described(parser: argparse.ArgumentParser, description: str) -> argparse.ArgumentParser:
    parser.description, parser.epilog = description, EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    return parser


def _add_edition(parser: argparse.ArgumentParser, only: str | None = None) -> None:
    # `make` and `fetch` take it too, so that every data command can be given the same options
    words = f"only {only}" if only else "default: COURSE_EDITION, or pocket"
    parser.add_argument("--edition", choices=[only] if only else EDITIONS, default=only, help=words)


def _edition(name: str | None) -> Edition:
    if name:
        os.environ["COURSE_EDITION"] = name
    return current_edition()


# What a command needs is imported when it runs, so that `course --help` answers at once.


def _doctor(options) -> int:
    from course_admin.doctor import FAIL, examine

    _edition(options.edition)
    findings = examine()
    for finding in findings:
        print(f"{finding.status:<5} {finding.subject:<12} {finding.detail}")
    problems = sum(finding.status == FAIL for finding in findings)
    print(f"\n{problems} to put right." if problems else "\nThe course can run here.")
    return 1 if problems else 0


def _make(options) -> int:
    from data_scripts.draw import is_up_to_date, make

    edition = _edition(options.edition)
    for dataset in DATASETS:
        if options.again or not is_up_to_date(edition, dataset, options.seed):
            print(f"Drawing {dataset}: takes about half a minute on two processors.", flush=True)
        drawn = make(edition, dataset, options.seed, options.again)
        state = "drawn" if drawn else "already there, nothing to do"
        print(f"{dataset}: {state} ({edition.folder / dataset})")
    return 0


def _fetch(options) -> int:
    from data_scripts.download import fetch

    edition = _edition(options.edition)
    print(f"Fetching from {edition.mirror or 'the sources: 42 MB, a few minutes'}.", flush=True)
    for dataset in options.datasets or DATASETS:
        print(f"{dataset}: complete ({fetch(dataset)})", flush=True)
    return 0


def _verify(options) -> int:
    from data_scripts.checksums import REMEDY, verify

    edition = _edition(options.edition)
    found = verify(edition)
    for verification in found:
        remedy = "" if verification.ok else f": {REMEDY[edition.name]}"
        print(f"{verification}{remedy}")
    return 0 if all(verification.ok for verification in found) else 1


def _grade(options) -> int:
    from dataclasses import replace

    from course_admin.grading.pipeline import grade
    from course_admin.grading.results import NEEDS_REVIEW
    from course_admin.grading.sandbox import Limits
    from course_admin.grading.tables import summary_text
    from course_admin.grading.worker_pool import Options

    _edition(options.edition)
    limits = Limits()
    if options.time_limit:
        cell = min(limits.cell_seconds, options.time_limit)
        limits = replace(limits, total_seconds=options.time_limit, cell_seconds=cell)
    how = Options(
        sources=options.instructor,
        workers=options.workers or os.cpu_count() or 1,
        url=options.db,
        limits=limits,
        trusted=options.i_trust_these_submissions,
        again=options.again,
    )
    results = grade(options.submissions, options.into, how)
    print(summary_text(results))
    review = sum(result.status == NEEDS_REVIEW for result in results)
    print(f"{len(results)} hand-ins, {review} of them need review: {options.into / 'grades.csv'}")
    return 0


def _list(options) -> int:
    from course_utils.datasets import SPLITS
    from data_scripts.checksums import REMEDY, is_complete

    edition = _edition(options.edition)
    row = "{:<8} {:<21} {:<6} {:>8} {:>9}  {}".format
    print(row("edition", "data set", "split", "pictures", "size", "complete"))
    for dataset in DATASETS:
        complete = "yes" if is_complete(edition, dataset) else f"no: {REMEDY[edition.name]}"
        for split in SPLITS:
            pictures, size = _count(edition, dataset, split)
            print(row(edition.name, dataset, split, pictures, f"{size / 1e6:.1f} MB", complete))
    return 0


def _release(options) -> int:
    from course_admin.grading import release

    sources = release.sources_in(options.source)
    released = release.release(sources, options.source.parent / "nbgrader_config.py")
    if options.check:
        found = release.stale(released, options.into)
        print("\n".join(found) or f"{len(released)} exercises are what their sources give now.")
        return 1 if found else 0
    changed = release.write(released, options.into)
    release.write_zip(released, options.zip)
    print(f"{len(released)} exercises in {options.into}, {len(changed)} of them changed.")
    print(f"To hand out: {options.zip}")
    return 0


def _count(edition: Edition, dataset: str, split: str) -> tuple[int, int]:
    """Return how many pictures a split has, and their size in bytes."""
    from data_scripts.checksums import data_files

    folder = edition.folder / dataset / split
    sizes = [(folder / name).stat().st_size for name in data_files(folder)]
    return len(sizes), sum(sizes)


if __name__ == "__main__":
    sys.exit(main())
