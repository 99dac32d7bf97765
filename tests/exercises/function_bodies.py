"""Answers from the body of a function: short tables, because every question has its head."""

from textwrap import dedent, indent

from exercises.submissions import Answer, RightAnswer


def makers(exercise: str, heads: dict[int, str]) -> tuple:
    """Return functions that make wrong and right answers to the questions of an exercise.

    >>> wrong, right = makers("09", {1: "prepare(images, highest)"})
    >>> right(1, "return images").source
    'def prepare(images, highest):\\n    return images\\n'
    """

    def source(number, body):
        return f"def {heads[number]}:\n{indent(dedent(body).strip(), '    ')}\n"

    def wrong(number, points, misconception, body, says=""):
        question = f"ex{exercise}_q{number}"
        return Answer(question, points, misconception, source(number, body), says)

    def right(number, body):
        return RightAnswer(f"ex{exercise}_q{number}", source(number, body))

    return wrong, right
