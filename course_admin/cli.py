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
  course data make                      draw or repair the pocket edition's images
  course data fetch                     fetch or repair the photo edition's photographs
  course data list                      what is there?
  course data verify --edition photo    are all files intact?
  course data clean                     delete the cached features
  course release                        make the learners' versions of the exercises
  course grade zip --exercise NAME      grade what came back, into the folder graded
  course grades moodle worksheet.csv --exercise NAME     fill Moodle's grading worksheet
  course grades canvas gradebook.csv --exercise NAME     fill Canvas's gradebook
  course similar                        which answers in the folder graded are alike?
  course analytics                      what does the class know, what to teach again?

COURSE_EDITION chooses the edition (pocket if unset). COURSE_MIRROR names a folder with
copies of the photo edition's files. Data go to COURSE_DATA, or else to the folder data:
in the course's repository, or outside of it in the current folder.
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
    data = _command(commands, "data", None, "make, fetch, verify, list or clean the data")
    _add_data_commands(data.add_subparsers(title="commands", metavar="COMMAND", required=True))
    _add_release(commands)
    _add_grade(commands)
    purpose = "put grades into the table of a learning platform"
    grades = _command(commands, "grades", None, purpose)
    _add_grades(grades.add_subparsers(title="platforms", metavar="PLATFORM", required=True))
    _add_similar(commands)
    _add_analytics(commands)
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
    make = _command(commands, "make", _make, "draw or repair the pocket edition's images")
    _add_edition(make, "pocket")
    make.add_argument("--seed", type=int, help="draw other images of the same kind (default: 0)")
    make.add_argument("--again", action="store_true", help="draw all, even if they are intact")
    fetch = _command(commands, "fetch", _fetch, "fetch or repair the photo edition's photographs")
    _add_edition(fetch, "photo")
    fetch.add_argument(
        "datasets", nargs="*", metavar="DATASET", help=f"{' or '.join(DATASETS)} (default: both)"
    )
    verify = _command(commands, "verify", _verify, "compare all files with their checksums")
    _add_edition(verify)
    listing = _command(commands, "list", _list, "show datasets and cached features")
    _add_edition(listing)
    _command(commands, "clean", _clean, "delete the cached features; they are computed again")


def _add_grade(commands) -> None:
    purpose = "grade what learners handed in, each in a sandbox (see instructor/README.md)"
    grade = _command(commands, "grade", _grade, purpose)
    _add_edition(grade)
    grade.add_argument(
        "submissions", type=Path, help="folder or zip from a learning platform, or a folder each"
    )
    _add_output(grade)
    grade.add_argument(
        "--exercise", metavar="NAME", help="what was to be handed in; others are not graded"
    )
    grade.add_argument(
        "--roster",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="tables of people: Moodle's grading worksheets, Canvas's gradebook",
    )
    grade.add_argument(
        "--on-conflict",
        choices=("review", "replace", "keep"),
        default="review",
        help="where a late, older or undated file meets a grade (default: review)",
    )
    _add_instructor(grade)
    grade.add_argument("--workers", type=int, help="submissions at a time (default: processors)")
    grade.add_argument(
        "--time-limit", type=float, metavar="SECONDS", help="for one submission (default: 600)"
    )
    grade.add_argument("--again", action="store_true", help="also what has not changed")
    grade.add_argument(
        "--i-trust-these-submissions",
        action="store_true",
        help="run them without a sandbox, with all that you may do on this machine",
    )


def _add_instructor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--instructor",
        type=Path,
        default=Path("instructor"),
        help="folder of nbgrader_config.py and source (default: instructor)",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--into", type=Path, default=Path("graded"), help="output folder (default: graded)"
    )
    parser.add_argument("--db", metavar="URL", help="gradebook (default: gradebook.db in --into)")


def _add_grades(platforms) -> None:
    purpose = "fill a grading worksheet, and zip the feedback pages for Moodle"
    moodle = _command(platforms, "moodle", _give_back_to_moodle, purpose)
    moodle.add_argument("table", type=Path, metavar="WORKSHEET", help="as downloaded from Moodle")
    purpose = "fill an exported gradebook"
    canvas = _command(platforms, "canvas", _give_back_to_canvas, purpose)
    canvas.add_argument("table", type=Path, metavar="GRADEBOOK", help="as exported from Canvas")
    canvas.add_argument(
        "--assignment", metavar="NAME", help="its column (default: called like the exercise)"
    )
    for parser in (moodle, canvas):
        parser.add_argument("--exercise", metavar="NAME", required=True, help="which grades")
        _add_output(parser)
        parser.add_argument(
            "--out", type=Path, metavar="FILE", help="what to upload (default: in --into)"
        )


def _add_similar(commands) -> None:
    similar = _command(commands, "similar", _similar, "show answers that are alike, side by side")
    similar.add_argument(
        "--into", type=Path, default=Path("graded"), help="output folder (default: graded)"
    )
    _add_instructor(similar)


def _add_analytics(commands) -> None:
    purpose = "show which questions separate, and what to teach again"
    analytics = _command(commands, "analytics", _analytics, purpose)
    _add_output(analytics)
    _add_instructor(analytics)


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
    from course_data_scripts.draw import make

    edition = _edition(options.edition)
    print("Checking the drawn images; drawing all takes about a minute on two cores.", flush=True)
    for dataset in DATASETS:
        drawn = make(edition, dataset, options.seed, options.again)
        _print_outcome(edition, dataset, f"{drawn} images drawn" if drawn else "nothing to do")
    return 0


def _fetch(options) -> int:
    from course_data_scripts.download import fetch

    edition = _edition(options.edition)
    print(f"Fetching from {edition.mirror or 'the sources: 42 MB, a few minutes'}.", flush=True)
    for dataset in options.datasets or DATASETS:
        fetch(dataset)
        _print_outcome(edition, dataset, "complete")
    return 0


def _print_outcome(edition: Edition, dataset: str, outcome: str) -> None:
    from course_data_scripts.checksums import advice_on_extra, extra_files, recorded_sums

    folder = edition.folder / dataset
    print(f"{dataset}: {outcome} ({folder})", flush=True)
    if extra := extra_files(folder, recorded_sums(folder)):
        print(f"{dataset}: {advice_on_extra(extra)}")


def _verify(options) -> int:
    from course_data_scripts.checksums import verify

    found = verify(_edition(options.edition))
    for verification in found:
        print(f"{verification}: {verification.advice}" if verification.advice else verification)
    return 0 if all(verification.ok for verification in found) else 1


def _grade(options) -> int:
    from dataclasses import replace

    from course_admin.grading.pipeline import grade
    from course_admin.grading.results import Status
    from course_admin.grading.sandbox import Limits
    from course_admin.grading.tables import ONE_ROW_EACH, summary_text
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
        exercise=options.exercise,
        roster=tuple(options.roster),
        on_conflict=options.on_conflict,
    )
    results = grade(options.submissions, options.into, how)
    print(summary_text(results))
    review = sum(result.status == Status.NEEDS_REVIEW for result in results)
    print(f"{len(results)} hand-ins, {review} of them need review: {options.into / 'grades.csv'}")
    if not options.roster and any(result.origin.platform == "moodle" for result in results):
        print(ONE_ROW_EACH)
    return 0


def _give_back_to_moodle(options) -> int:
    from course_admin.lms.moodle import read_worksheet, write_feedback

    results = _results_of(options)
    pages = options.into / f"{options.exercise}-feedback.zip"
    out = options.out or options.into / f"{options.exercise}-worksheet.csv"
    given = _give_back(read_worksheet(options.table), results, out)
    count = write_feedback(given.handed_in, options.into / "feedback", pages)
    print(f"{count} feedback pages in {pages}.")
    return 0


def _give_back_to_canvas(options) -> int:
    from course_admin.lms.canvas import read_gradebook

    results = _results_of(options)
    out = options.out or options.into / f"{options.exercise}-gradebook.csv"
    _give_back(read_gradebook(options.table, options.exercise, options.assignment), results, out)
    return 0


def _results_of(options) -> list:
    """Return the results of an exercise, with points that were given by hand since."""
    from course_admin.grading.gradebook import UNKNOWN
    from course_admin.grading.pipeline import report

    results = report(options.into, options.db)
    found = [result for result in results if result.exercise == options.exercise]
    if not found:
        names = ", ".join(sorted({result.exercise for result in results})) or "nothing"
        raise ValueError(f"nobody handed in {options.exercise}; there are hand-ins of: {names}")
    recognised = {result.student for result in found}
    unknown = [result for result in results if result.exercise == UNKNOWN]
    return found + [result for result in unknown if result.student not in recognised]


def _give_back(table, results: list, out: Path):
    from course_admin.lms.giving_back import give_back, summary

    given = give_back(table, results)
    table.sheet.write(out)
    print(summary(given, out))
    return given


def _similar(options) -> int:
    from course_admin.grading.similarity import similar_pairs, similarity_page

    pairs = similar_pairs(options.into, options.instructor)
    path = options.into / "similar.html"
    path.write_text(similarity_page(pairs), encoding="utf-8")
    path.chmod(0o600)
    print(f"{len(pairs)} pairs of answers are alike: {path}")
    return 0


def _analytics(options) -> int:
    from course_admin.grading.analytics import analytics_page, questions_in, shared_attempts
    from course_admin.grading.pipeline import report

    attempts = shared_attempts(options.into, options.instructor)
    questions = questions_in(report(options.into, options.db), attempts)
    path = options.into / "analytics.html"
    path.write_text(analytics_page(questions), encoding="utf-8")
    print(f"{len(questions)} questions: {path}")
    return 0


def _list(options) -> int:
    from course_data_scripts.checksums import COMMANDS, is_complete
    from course_utils.datasets import SPLITS
    from course_utils.plumbing.feature_cache import cache_folder

    edition = _edition(options.edition)
    row = "{:<8} {:<21} {:<6} {:>8} {:>9}  {}".format
    print(row("edition", "dataset", "split", "files", "size", "complete"))
    for dataset in DATASETS:
        complete = is_complete(edition, dataset)
        note = "yes" if complete else f"no: run `{COMMANDS[edition.name]}`"
        for split in SPLITS:
            files, size = _count(edition.folder / dataset / split)
            print(row(edition.name, dataset, split, files, f"{size / 1e6:.1f} MB", note))
    entries, size = _count(cache_folder(), ".npy")
    note = "`course data clean` deletes them" if entries else "none"
    print(row("both", "cached features", "-", entries, f"{size / 1e6:.1f} MB", note))
    return 0


def _clean(options) -> int:
    from course_utils.plumbing.feature_cache import clean_cache

    print(f"{clean_cache() / 1e6:.1f} MB of cached features deleted.")
    return 0


def _release(options) -> int:
    from course_admin.grading import release

    sources = release.sources_in(options.source)
    released = release.release(sources, options.source.parent / "nbgrader_config.py")
    if options.check:
        found = release.stale(released, options.into)
        print("\n".join(found) or f"{len(released)} exercises match their sources.")
        return 1 if found else 0
    changed = release.write(released, options.into)
    release.write_zip(released, options.zip)
    print(f"{len(released)} exercises in {options.into}, {len(changed)} of them changed.")
    print(f"To hand out: {options.zip}")
    return 0


def _count(folder: Path, ending: str = "") -> tuple[int, int]:
    """Return the number of files with an ending below a folder, and the size of all in bytes."""
    from course_data_scripts.checksums import data_files

    sizes = {name: (folder / name).stat().st_size for name in data_files(folder)}
    return sum(name.endswith(ending) for name in sizes), sum(sizes.values())


if __name__ == "__main__":
    sys.exit(main())
