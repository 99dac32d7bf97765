"""What passes between a check and a learner's function is plain, whatever the learner gives."""

import dataclasses
import json

import numpy as np
import pytest

from course_checks.model_specs import MODELS
from course_checks.model_view import REMOTE_METHODS, ModelView
from course_checks.protocol import (
    LearnerError,
    ModelSpec,
    Opaque,
    ask,
    decode,
    encode,
    to_plain_data,
)


def same(left, right):
    if isinstance(left, np.ndarray):
        return isinstance(right, np.ndarray) and left.dtype == right.dtype and (left == right).all()
    if isinstance(left, list | tuple):
        same_length = type(left) is type(right) and len(left) == len(right)
        return same_length and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        2.5,
        "text",
        [1, [2, "x"]],
        [(3, 1), (2, 2)],
        {"a": [1]},
        np.eye(2, dtype="float32"),
        Opaque("x"),
    ],
    ids=str,
)
def test_plain_data_come_back_as_they_were(value):
    assert same(decode(encode(value)), value)


@dataclasses.dataclass
class Report:
    correct: int = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, 2), [1, 2]),
        (np.float32(0.5), 0.5),
        (np.array(7), 7),
        (Report(), {"correct": 3}),
        ({1: 2}, {"1": 2}),
        pytest.param(object(), Opaque("object"), id="an object"),
        (np.array(["a"]), Opaque("array of <U1")),
        pytest.param(np.array([object()]), Opaque("array of object"), id="objects"),
    ],
    ids=str,
)
def test_other_values_become_plain(value, expected):
    assert same(to_plain_data(value), expected)


def test_subclasses_lose_what_they_override():
    class Always(int):
        def __eq__(self, other):
            return True

        __hash__ = int.__hash__

    assert type(to_plain_data(Always(3))) is int
    assert to_plain_data(Always(3)) != 4


def test_endless_list_ends():
    endless = []
    endless.append(endless)
    assert decode(encode(endless))


def text_of(tag, content):
    return json.dumps({tag: content})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "not json",
        text_of("pickle", "gASVAAAA"),
        text_of("value", [1]),
        text_of("npy", "not base64"),
        text_of("npy", ""),
        text_of("model", 3),
        text_of("list", 3),
        '{"list": [' * 5000,
        encode(np.zeros(3)).replace("k05VTVBZ", "k05VTVBa"),
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError):
        decode(text)


def test_array_of_another_size_than_its_header_says_is_refused():
    import base64
    import io

    file = io.BytesIO()
    np.save(file, np.zeros(4))
    lying = file.getvalue().replace(b"(4,)", b"(9,)")
    with pytest.raises(ValueError, match="not what its header says"):
        decode(text_of("npy", base64.b64encode(lying).decode()))


def test_function_gets_copies():
    pixels = np.ones(3)

    def spoil(given):
        given[:] = 0

    ask(spoil, pixels)
    assert (pixels == 1).all()


def test_function_gets_tuples_as_tuples_and_gives_lists():
    pairs = [(3, 1), (2, 2)]
    assert ask(lambda given: (given == pairs, {(3, 1)} <= set(given)), pairs) == [True, True]


def test_read_only_array_cannot_be_changed():
    def spoil(given):
        given -= 1

    with pytest.raises(LearnerError, match="read-only"):
        ask(spoil, ModelSpec("read_only", {"array": np.ones(3)}))


@pytest.mark.parametrize("function", [3, None, "text"])
def test_what_is_no_function_cannot_be_asked(function):
    with pytest.raises(LearnerError, match="not a function"):
        ask(function)


def test_exception_of_the_learner_is_named():
    with pytest.raises(LearnerError) as error:
        ask(lambda: 1 / 0)
    assert error.value.kind == "ZeroDivisionError"
    assert error.value.text.startswith("division by zero\nIn line")


SETTINGS = {
    "second_part": {"block": "block4"},
    "blocks": {"filters": [[3], [4, 5]]},
    "classifier": {"channels": 4, "features": 5, "classes": 3},
    "linear": {"kernel": np.ones((4, 3)), "bias": np.zeros(3)},
    "trained_network": {
        "weights": [
            *[np.ones(shape) for _ in range(4) for shape in ((3, 3, 3, 3), (3,))],
            np.ones((3, 2)),
            np.zeros(2),
        ]
    },
    "normalised_backbone": {
        "weights": [np.ones(s) for s in ((3, 3, 3, 4), 4, 4, 4, 4, (3, 3, 4, 4), 4)]
    },
}


@pytest.mark.parametrize("name", [name for name in MODELS if name != "read_only"])
def test_recipe_makes_a_model(name):
    model = ask(lambda model: model, ModelSpec(name, SETTINGS.get(name, {})))
    assert isinstance(model, ModelView)
    assert model.facts()["parameters"] > 0


def test_every_question_to_a_model_has_a_plain_answer():
    model = ask(lambda model: model, ModelSpec("linear", SETTINGS["linear"]))
    inputs = np.zeros((2, 4), "float32")
    arguments = {"predict": [inputs], "train_step": [inputs, np.zeros(2)]}
    for question in REMOTE_METHODS:
        answer = getattr(model, question)(*arguments.get(question, []))
        assert not isinstance(answer, Opaque)
        assert same(decode(encode(answer)), to_plain_data(answer))


def test_digests_tell_what_moved():
    model = ask(lambda model: model, ModelSpec("linear", SETTINGS["linear"]))
    before = model.digests()
    assert model.digests() == before
    model.train_step(np.ones((2, 4), "float32"), np.array([0, 1]))
    assert set(model.digests()) == set(before)
    assert model.digests() != before


def test_error_says_in_which_line_it_came_up():
    def learners(values):
        count = len(values)
        return values[count]

    with pytest.raises(LearnerError, match=r"In line \d+ of its cell: return values\[count\]"):
        ask(learners, [1, 2])


def test_stub_needs_no_place():
    def stub():
        raise NotImplementedError("Replace this line.")

    with pytest.raises(LearnerError) as caught:
        ask(stub)
    assert caught.value.text == "Replace this line."
