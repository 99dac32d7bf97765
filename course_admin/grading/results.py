"""What grading finds out about questions and submissions."""

from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """How far a submission has got; the value is what gradebook tables and pages say."""

    GRADED = "graded"
    BY_HAND = "to be marked by hand"
    NEEDS_REVIEW = "needs review"


@dataclass
class JudgedQuestion:
    """What the judge decided about one question.

    Attributes
    ----------
    question : str
        The ``grade_id`` of its graded cell.
    points : float or None
        None where the judge could not decide; `reason` then says why.
    message, misconception : str or None
        What the check said.
    reason : str or None
    """

    question: str
    points: float | None = None
    message: str | None = None
    misconception: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class QuestionResult:
    """What one question earned, a person's marks included.

    Attributes
    ----------
    question : str
        The ``grade_id`` of its check or of its written answer.
    points : float or None
        None while unknown: it was not checked, or waits to be marked by hand.
    max_points : float
    message : str
        What the check said to the learner.
    misconception : str or None
        The name of the mistake that the check recognised.
    reason : str
        Why there are no points yet, for the instructor.
    """

    question: str
    points: float | None
    max_points: float
    message: str = ""
    misconception: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class SubmissionResult:
    """What one student earned for one exercise.

    Attributes
    ----------
    student, exercise : str
    status : Status
    questions : list of QuestionResult
    reasons : list of str
        Why it needs review, and what else was noticed.
    late : bool
    sandboxed : bool
        Whether the learner's code ran in the sandbox.
    """

    student: str
    exercise: str
    status: Status
    questions: list[QuestionResult] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    late: bool = False
    sandboxed: bool = True

    @property
    def points_so_far(self) -> float:
        """The sum of the points that are known."""
        return sum(question.points or 0 for question in self.questions)

    @property
    def points(self) -> float | None:
        """The total, or None while something waits for review or marking.

        >>> question = QuestionResult("q1", points=None, max_points=2)
        >>> print(SubmissionResult("ann", "01", Status.BY_HAND, [question]).points)
        None
        """
        complete = all(question.points is not None for question in self.questions)
        return self.points_so_far if self.status == Status.GRADED and complete else None

    @property
    def max_points(self) -> float:
        """The highest possible total."""
        return sum(question.max_points for question in self.questions)
