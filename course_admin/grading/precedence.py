"""Which of two hand-ins counts: nothing replaces a grade without time and lateness being compared.

Platforms write the time of the download into their zips. So "newer" means downloaded later, or
handed in later where Canvas's numbers tell.
"""

import hashlib
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from nbgrader.api import Gradebook

from course_admin.grading.collect import Submission
from course_admin.grading.gradebook import UNKNOWN, GradingRecord, write_record
from course_admin.grading.results import Origin

REVIEW, REPLACE, KEEP = "review", "replace", "keep"
CONFLICTS = (REVIEW, REPLACE, KEEP)
"""What to do where a hand-in must not replace a grade by itself."""


def settle(
    submission: Submission, record: GradingRecord | None, into: Path, on_conflict: str
) -> Submission:
    """Return what is to be graded: what was handed in now, or again what has the grade.

    Parameters
    ----------
    submission : Submission
        What was handed in now.
    record : GradingRecord or None
        Of the grade that the student has for the exercise.
    into : Path
        The output folder; a copy of what is to be graded gets into its folder ``submitted``.
    on_conflict : str
        One of `CONFLICTS`.

    Returns
    -------
    Submission
        Without a path where the grade stays, and the copy that it belongs to is gone, as when a
        run was killed.
    """
    if on_conflict != REVIEW:
        submission = replace(submission, contested=None)
    if submission.exercise is None:
        return submission
    copy = into / "submitted" / submission.student / submission.exercise
    if record is None or record.problem:
        return _published(submission, copy)
    same = submission.origin.digest and submission.origin.digest == record.origin.digest
    if same and submission.path:
        return _published(_same_again(submission, record, on_conflict), copy)
    reason = _reason_to_keep(submission, record)
    if submission.path and (reason is None or on_conflict == REPLACE):
        return _published(_replacing(submission, record), copy)
    path = copy / f"{submission.exercise}.ipynb"
    kept = _graded_before(submission, record, reason or "it cannot be graded", on_conflict)
    is_copy = bool(record.copy) and digest_of(path) == record.copy
    return replace(kept, path=path if is_copy else None)


def digest_of(path: Path | None) -> str:
    """Return a checksum of a cleaned notebook, empty if there is none."""
    if path is None or not path.exists():
        return ""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _published(submission: Submission, folder: Path) -> Submission:
    """Move the cleaned notebook to where those are that have a grade."""
    if submission.path is None:
        return submission
    folder.mkdir(parents=True, exist_ok=True)
    return replace(submission, path=submission.path.replace(folder / submission.path.name))


def keeps_without_copy(submission: Submission) -> bool:
    """Whether a grade stays that cannot be computed again."""
    return submission.path is None and submission.problem is None


def update_record(book: Gradebook, submission: Submission, record: GradingRecord) -> None:
    """Note what became of a hand-in where nothing is graded."""
    facts = {
        "origin": submission.origin,
        "timestamp": submission.timestamp.isoformat() if submission.timestamp else None,
        "contested": submission.contested,
        "history": list(submission.history),
        "settled": list(submission.settled),
    }
    updated = replace(record, **facts)
    if updated != record:
        write_record(book, submission.student, submission.exercise or UNKNOWN, updated)


def _same_again(submission: Submission, record: GradingRecord, on_conflict: str) -> Submission:
    """Keep the time and lateness with which a file was handed in first."""
    contested = record.contested if on_conflict == REVIEW else None
    if submission.origin.attachment != record.origin.attachment:
        submission = replace(submission, origin=record.origin, late=record.late)
    timestamp = _time(record.timestamp) or submission.timestamp
    known = {"history": list(record.history), "settled": list(record.settled)}
    return replace(submission, timestamp=timestamp, contested=contested, **known)


def _reason_to_keep(submission: Submission, record: GradingRecord) -> str | None:
    """Say why a hand-in does not replace a grade, or None if it does."""
    if not submission.origin.identity.is_same(record.origin.identity):
        return "it is from another person or platform"
    if submission.problem:
        return "it cannot be graded"
    if submission.late and not record.late:
        return "it is late"
    if submission.late is None and record.late is False:
        return "it is not known whether it is late"
    newer = _is_newer(submission, record)
    if newer is None:
        return "it is not known which is newer"
    return None if newer else "it is older"


def _is_newer(submission: Submission, record: GradingRecord) -> bool | None:
    """Compare Canvas's growing numbers, or else times; None where they do not tell."""
    new, old = submission.origin.attachment, record.origin.attachment
    if not (new and old):
        new, old = _known(submission.timestamp), _known(_time(record.timestamp))
    if not new or not old or new == old:
        return None
    return new > old


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _known(time: datetime | None) -> datetime | None:
    """Return a time, unless it is the one that zips give to files without any."""
    return time if time and time.year > 1980 else None


def _shown(origin: Origin, time: datetime | None) -> str:
    return f"{origin.file or 'the file'} ({_when(time)})"


def _when(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M}" if _known(time) else "time unknown"


def _replacing(submission: Submission, record: GradingRecord) -> Submission:
    new = _shown(submission.origin, submission.timestamp)
    old = _shown(record.origin, _time(record.timestamp))
    history = [*record.history, f"{new} replaced {old}"]
    settled = {*record.settled, record.origin.digest} - {submission.origin.digest, ""}
    return replace(submission, history=history, settled=sorted(settled))


def _graded_before(
    submission: Submission, record: GradingRecord, reason: str, on_conflict: str
) -> Submission:
    """Return again what has the grade, with a word about what did not replace it.

    A file about which that was settled before raises no question again.
    """
    kept = Submission(
        submission.student,
        submission.exercise,
        timestamp=_time(record.timestamp),
        late=record.late,
        notes=list(record.notes),
        origin=record.origin,
        contested=record.contested,
        history=list(record.history),
        settled=list(record.settled),
    )
    digest = submission.origin.digest
    if digest in record.settled:
        return kept
    new = _shown(submission.origin, submission.timestamp)
    old = _shown(record.origin, _time(record.timestamp))
    said = f"{new} did not replace {old}: {reason}"
    if submission.problem:
        said += f" ({submission.problem})"
    if on_conflict != KEEP:
        return replace(kept, contested=said)
    settled = sorted({*kept.settled, digest} - {""})
    return replace(kept, contested=None, history=[*kept.history, said], settled=settled)
