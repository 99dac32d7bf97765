"""Wrong answers to exercise 6, and what they deserve."""

from exercises.submissions import Answer

_RATES = """
def layer_rates(names, rate):
    third = len(names) // 3
    factors = {factors}
    return {{name: {value} for name, factor in zip({names}, factors)}}
"""
_MOVED = """
def moved(before, after):
    way = sum(np.sum((a - b) ** 2) for a, b in zip(after, before))
    old = sum(np.sum(b**2) for b in before)
    new = sum(np.sum(a**2) for a in after)
    each = [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(after, before)]
    return {answer}
"""
_COMPILE = """
def compile_with_rates(model, rate, factors):
    {before}
    model.compile({optimizer}, "sparse_categorical_crossentropy")
    return model
"""
_SAVED = """
def looks_saved(looks, pretrained, scratch, goal):
    needed = []
    for curves in (pretrained, scratch):
        reached = np.flatnonzero(np.{middle}(curves, axis=0) >= goal)
        needed.append(looks[reached[0]] if len(reached) else None)
    return {answer}
"""
_UPWARDS = "[0.01] * third + [0.1] * third + [1.0] * third"
_DOWNWARDS = "[1.0] * third + [0.1] * third + [0.01] * third"


def _rates(factors=_UPWARDS, value="rate * factor", names="names"):
    return _RATES.format(**locals())


def _compile(before="", optimizer="keras.optimizers.Adam(rate)"):
    return _COMPILE.format(**locals())


def _saved(middle="mean", answer="None if None in needed else needed[1] / needed[0]"):
    return _SAVED.format(**locals())


_SCALED_GRADIENTS = """
class Scaled(keras.optimizers.Adam):
    def update_step(self, gradient, variable, learning_rate):
        twin = self._trainable_variables[self._get_variable_index(variable)]
        factor = factors.get(twin.path.split("/")[-2], 1.0)
        super().update_step(gradient * factor, variable, learning_rate)
"""

WRONG = {
    "early_fast": Answer("ex06_q1", 1, "rates-upside-down", _rates(_DOWNWARDS)),
    "factors_returned": Answer("ex06_q1", 2, None, _rates(value="factor"), says="Multiply them"),
    "one_rate": Answer("ex06_q1", 0, None, _rates(value="rate"), says="the same rate"),
    "sorted_by_name": Answer("ex06_q1", 0, None, _rates(names="sorted(names)"), says="by thirds"),
    "not_relative": Answer(
        "ex06_q2", 1, "distance-not-relative", _MOVED.format(answer="np.sqrt(way)")
    ),
    "no_root": Answer("ex06_q2", 1, None, _MOVED.format(answer="way / old"), says="square root"),
    "length_after": Answer(
        "ex06_q2",
        1,
        None,
        _MOVED.format(answer="np.sqrt(way / new)"),
        says="divide by the one before",
    ),
    "ratios_averaged": Answer(
        "ex06_q2", 1, None, _MOVED.format(answer="np.mean(each)"), says="Add up the squares"
    ),
    "lengths_compared": Answer(
        "ex06_q2",
        0,
        None,
        _MOVED.format(answer="abs(np.sqrt(new) - np.sqrt(old)) / np.sqrt(old)"),
        says="Weights can turn",
    ),
    "one_rate_for_all": Answer("ex06_q3", 1, "gradients-scaled", _compile()),
    "scaled_gradients": Answer(
        "ex06_q3",
        1,
        "gradients-scaled",
        _compile(_SCALED_GRADIENTS.strip().replace("\n", "\n    "), "Scaled(rate)"),
    ),
    "frozen_instead": Answer(
        "ex06_q3",
        1,
        None,
        _compile("for name in factors: model.get_layer(name).trainable = False"),
        says="should move a little",
    ),
    "ten_times_too_fast": Answer(
        "ex06_q3",
        2,
        None,
        _compile(optimizer="RatePerLayer(10 * rate, factors)"),
        says="right proportion",
    ),
    "another_optimizer": Answer(
        "ex06_q3",
        0,
        None,
        _compile(optimizer="keras.optimizers.SGD(rate)"),
        says="The steps should be",
    ),
    "best_seed": Answer("ex06_q4", 0, "best-seed-taken", _saved("max")),
    "upside_down": Answer(
        "ex06_q4",
        2,
        None,
        _saved(answer="None if None in needed else needed[0] / needed[1]"),
        says="upside down",
    ),
    "difference": Answer(
        "ex06_q4",
        1,
        None,
        _saved(answer="None if None in needed else needed[1] - needed[0]"),
        says="a difference",
    ),
    "zero_for_never": Answer(
        "ex06_q4",
        2,
        None,
        _saved(answer="0 if None in needed else needed[1] / needed[0]"),
        says="return None",
    ),
}
