"""The secret of a gradebook: hidden tests draw from it what no learner can foresee.

All learners of a gradebook get the same hidden tests, and the same code always gets the same
verdict, because the key stays in the output folder.
"""

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from course_checks.verdict import HIDDEN_SEEDS

NAME = "grading.key"
LENGTH = 32


@dataclass(frozen=True)
class GradingKey:
    """Random bytes that only the grader knows, and what is derived from them."""

    secret: bytes = field(repr=False)

    def number(self, purpose: str) -> int:
        """Return a number of 128 bits, another one for each purpose."""
        return int.from_bytes(hashlib.sha256(self.secret + purpose.encode()).digest()[:16])

    @property
    def seeds(self) -> list[int]:
        """The seeds of the hidden tests."""
        return [self.number(f"seed {i}") for i in range(HIDDEN_SEEDS)]

    @property
    def name(self) -> str:
        """What distinguishes this key from others without betraying it."""
        return f"{self.number('name'):032x}"[:16]


def grading_key(folder: Path) -> GradingKey:
    """Return the key of an output folder, which is made once.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    path = folder / NAME
    if not path.exists():
        unfinished = path.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        # Readable by this user only, from the first byte on
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
            f.write(secrets.token_bytes(LENGTH))
        unfinished.replace(path)
    secret = path.read_bytes()
    if len(secret) != LENGTH:
        raise ValueError(
            f"{path} is damaged. Restore it from a backup; or delete it, and everything is graded "
            "again with other hidden tests."
        )
    return GradingKey(secret)
