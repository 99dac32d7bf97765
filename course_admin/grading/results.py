"""What grading finds out about questions and submissions."""

from dataclasses import dataclass, field

GRADED = "graded"


NEEDS_REVIEW = "needs review"


BY_HAND = "to be marked by hand"


NOT_YET = "not yet"


@dataclass(frozen=True)
class QuestionResult:
    """What one question got.

    Attributes
    ----------
    question : str
        The ``grade_id`` of its check or of its written answer.
    points : float or None
        None while nobody knows: it was not checked, or waits to be marked by hand.
    max_points : float
    message : str
        What the check said to the learner.
    misconception : str or None
        The name of the mistake that the check saw.
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
    """What one student got for one exercise.

    Attributes
    ----------
    student, exercise : str
    status : str
        `GRADED`, `NEEDS_REVIEW` or `BY_HAND`.
    questions : list of QuestionResult
    reasons : list of str
        Why it needs review, and what was noticed.
    late : bool
    sandboxed : bool
        Whether the learner's code ran in the sandbox.
    """

    student: str
    exercise: str
    status: str
    questions: list[QuestionResult] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    late: bool = False
    sandboxed: bool = True

    @property
    def points_so_far(self) -> float:
        """The points of all questions that have some."""
        return sum(question.points or 0 for question in self.questions)

    @property
    def points(self) -> float | None:
        """All points, or None while there is something to review or to mark."""
        complete = all(question.points is not None for question in self.questions)
        return self.points_so_far if self.status == GRADED and complete else None

    @property
    def max_points(self) -> float:
        """What can be reached."""
        return sum(question.max_points for question in self.questions)


from dataclasses import dataclass, field


@dataclass
class Result:
    """What was decided about one question.

    Attributes
    ----------
    question : str
        The ``grade_id`` of its graded cell.
    points : float or None
        None where nothing could be decided; then `reason` says why.
    message, misconception : str or None
        What the check said.
    reason : str or None
    """

    question: str
    points: float | None = None
    message: str | None = None
    misconception: str | None = None
    reason: str | None = None
