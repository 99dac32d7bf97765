"""Ask a learner's function or model, and say what is wrong with the form of its answer."""

import numpy as np

from course_checks.model_view import ModelView
from course_checks.protocol import LearnerError
from course_checks.verdict import Mistake


def require_all(*comparisons, rng=None):
    """Make all comparisons; report the mistake with the lowest score, of equal ones the first.

    Returns what the last comparison returns. With a random generator they are made in an order
    that it draws, so that an answer that counts its calls cannot know which case it is asked.
    """
    order = range(len(comparisons)) if rng is None else rng.permutation(len(comparisons))
    mistakes, said = {}, {}
    for place in order:
        try:
            said[place] = comparisons[place]()
        except Mistake as mistake:
            mistakes[place] = mistake
    if mistakes:
        raise mistakes[min(mistakes, key=lambda place: (mistakes[place].score, place))]
    return said[len(comparisons) - 1]


def raise_if_like(given, *wrong: tuple, atol: float = 1e-3) -> None:
    """Raise the mistake of the first pair (values, mistake) whose values are the given ones."""
    for values, mistake in wrong:
        if np.shape(values) == np.shape(given) and np.allclose(given, values, rtol=1e-5, atol=atol):
            raise mistake


def worst_place(given: np.ndarray, expected: np.ndarray) -> tuple[int, ...]:
    """Return the index at which an array deviates most from the expected one.

    >>> worst_place(np.array([[1, 2], [3, 9]]), np.array([[1, 2], [3, 4]]))
    (1, 1)
    """
    deviation = np.abs(np.asarray(given, "float64") - expected)
    return tuple(int(i) for i in np.unravel_index(deviation.argmax(), deviation.shape))


def expect_number(answer) -> int | float:
    """Return the answer, which must be one finite number."""
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        raise Mistake(None, f"One number was asked for; you gave {kind_of(answer)}.")
    if not np.isfinite(answer):
        raise Mistake(None, f"A finite number was asked for; you gave {answer}.")
    return answer


def expect_pair(answer) -> list:
    """Return the answer, which must be two finite numbers, as a list."""
    if isinstance(answer, np.ndarray) and answer.shape == (2,):
        answer = answer.tolist()
    if not isinstance(answer, list) or len(answer) != 2:
        raise Mistake(None, f"Two numbers were asked for; you gave {kind_of(answer)}.")
    return [expect_number(number) for number in answer]


def expect_array(answer, shape: tuple) -> np.ndarray:
    """Return the answer as an array of this shape, of finite numbers."""
    if answer is None:
        raise Mistake(None, f"An array was asked for; you gave {kind_of(answer)}.")
    array = np.asarray(answer, dtype="float64")
    if array.shape != shape:
        raise Mistake(None, f"The shape should be {shape}; yours is {array.shape}.")
    if not np.isfinite(array).all():
        raise Mistake(None, "Some of the values are infinite or NaN.")
    return array


def kind_of(answer) -> str:
    """Describe an answer in a few words."""
    if answer is None:
        return "None (is the return missing?)"
    if isinstance(answer, list):
        return f"{len(answer)} values"
    return getattr(answer, "kind", type(answer).__name__)


def expect_model(answer):
    """Return the answer, which must be a model, in this process or another."""
    if not hasattr(answer, "train_step"):
        raise Mistake(None, f"The function should return a Keras model; it gave {kind_of(answer)}.")
    return answer


def ask_model(model, question: str, *arguments):
    """Call one of the `REMOTE_METHODS` of a learner's model, in this process or another."""
    if not isinstance(model, ModelView):
        return getattr(model, question)(*arguments)
    try:
        return getattr(model, question)(*arguments)
    except Exception as error:  # whatever Keras raises for a model that cannot do this
        raise LearnerError(type(error).__name__, str(error)) from error


def facts_of(model) -> dict:
    """Return a model's description of itself; see `ModelView.facts`."""
    return ask_model(model, "facts")


def train_step(model, inputs, targets) -> float:
    """Train a model on one batch, and return the loss, which must be finite."""
    loss = ask_model(model, "train_step", inputs, targets)
    if not isinstance(loss, int | float) or not np.isfinite(loss):
        raise Mistake(None, f"Training gives the loss {loss!r:.40}, which is not a finite number.")
    return float(loss)


def predictions_of(model, inputs, classes: int) -> np.ndarray:
    """Return a model's outputs, ``(n, classes)``."""
    answer = ask_model(model, "predict", inputs)
    if np.shape(answer) == (len(inputs), 1):
        detail = "The network has one output; it should have one for each class."
        raise Mistake(None, detail)
    return expect_array(answer, (len(inputs), classes))


def probabilities_of(model, inputs, classes: int) -> np.ndarray:
    """Return a model's predictions, which must be probabilities."""
    answer = predictions_of(model, inputs, classes)
    if not np.allclose(answer.sum(axis=1), 1, atol=1e-3) or answer.min() < -1e-6:
        detail = "The outputs are not probabilities: the last layer needs activation='softmax'."
        raise Mistake("softmax-and-loss", detail, score=1 / 3)
    return answer


def weights_of(model, name: str) -> list[np.ndarray]:
    """Return kernel and bias of one layer."""
    found = ask_model(model, "weights", f"{name}/")
    ends = {str(path).rsplit("/", 1)[-1]: array for path, array in found.items()}
    if not {"kernel", "bias"} <= set(ends):
        raise Mistake(None, f"The layer {name[:60]!r} with its kernel and bias is missing.")
    return [np.asarray(ends["kernel"], "float64"), np.asarray(ends["bias"], "float64")]


def kernel_of(model, name: str) -> np.ndarray:
    """Return the kernel of one layer."""
    return weights_of(model, name)[0]


def head_of(model, name: str) -> dict[str, np.ndarray]:
    """Return kernel and bias of one layer by these names."""
    return dict(zip(("kernel", "bias"), weights_of(model, name), strict=True))


def rounded(numbers: np.ndarray) -> str:
    """Format an array with one digit after the point."""
    return str([round(float(number), 1) for number in numbers])
