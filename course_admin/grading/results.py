"""What grading finds out about questions and submissions."""

from dataclasses import dataclass, field
from enum import StrEnum

from course_admin.lms.identity import Identity


class Status(StrEnum):
    """How far a submission has got; the value is what gradebook tables and pages say."""

    GRADED = "graded"
    BY_HAND = "to be marked by hand"
    NEEDS_REVIEW = "needs review"


@dataclass(frozen=True)
class Origin:
    """Where a hand-in comes from, in the words of the learning platform.

    Attributes
    ----------
    platform, name : str
        See `course_admin.lms.identity.Identity`.
    number : str or None
    file : str
        The name of the file that is graded.
    attachment : int
        Canvas's number of the file; 0 elsewhere.
    digest : str
        Of the file's content, to recognise it.
    """

    platform: str = ""
    name: str = ""
    number: str | None = None
    file: str = ""
    attachment: int = 0
    digest: str = ""

    @property
    def identity(self) -> Identity:
        """Who handed it in."""
        return Identity(self.platform, self.name, self.number)


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
    late : bool or None
        None where the learning platform does not say.
    sandboxed : bool
        Whether the learner's code ran in the sandbox.
    origin : Origin
    timestamp : str or None
        When the graded file was last changed, as far as the download says; ISO 8601.
    contested : bool
        Whether a person must say if another file counts instead; `reasons` names both.
    """

    student: str
    exercise: str
    status: Status
    questions: list[QuestionResult] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    late: bool | None = None
    sandboxed: bool = True
    origin: Origin = field(default_factory=Origin)
    timestamp: str | None = None
    contested: bool = False

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
