"""Where errors of the environment end and the learner's begin.

**An error of the environment is never a grade.** On the learner's computer there was the file, the
memory, the time or the connection that the sandbox did not have, or that another submission took.
Such a question *needs review*: no points, no zero, and a reason that says what happened. This is

* a call or a cell that takes longer than its limit;
* `MemoryError`, and `OSError` with all that Python derives from it: a full disk, a missing or
  locked file, too many open files, no network; and what libraries make of these;
* a function that is missing because of such an error in the cell that should define it.

**Every other error is an answer**, and a wrong one: the stub's `NotImplementedError`, a
`ValueError` from Keras, `SystemExit`, an answer that nobody can read.

A submission may raise any error on purpose. All it gets for that is a person's attention.
"""

import builtins
import errno
import os

_KINDS = {
    *(
        kind.__name__
        for kind in vars(builtins).values()
        if isinstance(kind, type) and issubclass(kind, OSError | MemoryError)
    ),
    "_ArrayMemoryError",  # NumPy
    "ResourceExhaustedError",  # TensorFlow
    "UnavailableError",
    "BrokenProcessPool",  # a process was killed
    "TerminatedWorkerError",
    "URLError",
    "HTTPError",
    "gaierror",
}
"""Only the name of an error comes out of the sandbox."""

_NUMBERS = ("ENOSPC", "EDQUOT", "ENOMEM", "EAGAIN", "EIO", "EMFILE", "ENFILE", "EROFS")
_TEXTS = (
    *(os.strerror(getattr(errno, number)) for number in _NUMBERS),
    "can't start new thread",
    "URL fetch failure",  # keras.utils.get_file
)
"""What an error of another kind quotes when a library has wrapped one of these."""


class Undecided(Exception):
    """A question cannot be judged; the message says why, in words for people."""


def is_environmental(kind: str, text: str) -> bool:
    """Return whether an error, known by its name and message, is the environment's.

    >>> is_environmental("OSError", "[Errno 28] No space left on device")
    True
    >>> is_environmental("ValueError", "shapes (2,) and (3,) do not match")
    False
    """
    return kind in _KINDS or any(part in text for part in _TEXTS)


def disturbance(outputs: list) -> str | None:
    """Return what the environment did to a learner's cell, if it did anything."""
    for output in outputs:
        kind, text = str(output.get("ename")), str(output.get("evalue"))
        if output.output_type == "error" and is_environmental(kind, text):
            return f"{kind}: {text}"
    return None
