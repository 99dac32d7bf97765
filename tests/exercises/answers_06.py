"""Wrong answers to exercise 6, and what they deserve."""

from exercises.submissions import Answer, RightAnswer

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

TRAINS = {"ex06_q3"}

WRONG = {
    "early_fast": Answer("ex06_q1", 1, "rates-upside-down", _rates(_DOWNWARDS)),
    "factors_returned": Answer("ex06_q1", 2, None, _rates(value="factor"), says="Multiply them"),
    "one_rate": Answer("ex06_q1", 0, None, _rates(value="rate"), says="the same rate"),
    "sorted_by_name": Answer(
        "ex06_q1", 1, None, _rates(names="sorted(names)"), says="You sorted the names"
    ),
    "rates_divided": Answer("ex06_q1", 1, "rates-upside-down", _rates(value="rate / factor")),
    "powers_shifted": Answer(
        "ex06_q1",
        0,
        None,
        _rates("[0.001] * third + [0.01] * third + [0.1] * third"),
        says="By thirds",
    ),
    "middle_and_early_swapped": Answer(
        "ex06_q1",
        0,
        None,
        _rates("[0.1] * third + [0.01] * third + [1.0] * third"),
        says="each third",
    ),
    "always_two_in_a_third": Answer(
        "ex06_q1",
        0,
        None,
        _rates("[0.01] * 2 + [0.1] * 2 + [1.0] * (len(names) - 4)"),
        says="each third",
    ),
    "turn_by_turn": Answer(
        "ex06_q1", 0, None, _rates("[0.01, 0.1, 1.0] * third"), says="each third"
    ),
    "evenly_spaced": Answer(
        "ex06_q1", 0, None, _rates("np.geomspace(0.01, 1, len(names))"), says="By thirds"
    ),
    "list_of_rates": Answer(
        "ex06_q1",
        0,
        None,
        "def layer_rates(names, rate):\n    return [rate] * len(names)",
        says="a dictionary",
    ),
    "blocks_as_keys": Answer(
        "ex06_q1",
        0,
        None,
        """
def layer_rates(names, rate):
    return {"early": rate / 100, "middle": rate / 10, "late": rate}
""",
        says="the layers' names",
    ),
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
    "absolute_values": Answer(
        "ex06_q2",
        1,
        None,
        _MOVED.format(
            answer="sum(np.abs(a - b).sum() for a, b in zip(after, before))"
            " / sum(np.abs(b).sum() for b in before)"
        ),
        says="absolute values",
    ),
    "lengths_added_up": Answer(
        "ex06_q2",
        1,
        None,
        _MOVED.format(
            answer="sum(np.linalg.norm(a - b) for a, b in zip(after, before))"
            " / sum(np.linalg.norm(b) for b in before)"
        ),
        says="You added up lengths",
    ),
    "last_array_alone": Answer(
        "ex06_q2", 1, None, _MOVED.format(answer="each[-1]"), says="last array alone"
    ),
    "first_array_alone": Answer("ex06_q2", 0, None, _MOVED.format(answer="each[0]"), says="be"),
    "number_by_number": Answer(
        "ex06_q2",
        0,
        None,
        """
def moved(before, after):
    old, new = (np.concatenate([array.ravel() for array in x]) for x in (before, after))
    return np.mean(np.abs((new - old) / old))
""",
        says="number by number",
    ),
    "standard_deviations": Answer(
        "ex06_q2",
        0,
        None,
        """
def moved(before, after):
    old, new = (np.concatenate([array.ravel() for array in x]) for x in (before, after))
    return np.std(new - old) / np.std(old)
""",
        says="standard deviation",
    ),
    "root_of_the_numerator": Answer(
        "ex06_q2", 1, None, _MOVED.format(answer="np.sqrt(way) / old"), says="take its root, too"
    ),
    "sum_of_ratios": Answer(
        "ex06_q2", 1, None, _MOVED.format(answer="sum(each)"), says="Add up the squares"
    ),
    "one_number_for_each_array": Answer(
        "ex06_q2", 0, None, _MOVED.format(answer="each"), says="One number"
    ),
    "always_a_little": Answer("ex06_q2", 0, None, _MOVED.format(answer="0.3"), says="It should be"),
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
        says="The steps of Adam",
    ),
    "softmax_twice": Answer(
        "ex06_q3",
        2,
        "softmax-and-loss",
        """
def compile_with_rates(model, rate, factors):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(RatePerLayer(rate, factors), loss)
    return model
""",
    ),
    "squared_error": Answer(
        "ex06_q3",
        0,
        "loss-of-another-form",
        _compile(optimizer="RatePerLayer(rate, factors)").replace(
            "sparse_categorical_crossentropy", "mse"
        ),
    ),
    "one_hot_loss": Answer(
        "ex06_q3",
        0,
        "numbers-for-one-hot-loss",
        _compile(optimizer="RatePerLayer(rate, factors)").replace("sparse_", ""),
    ),
    "factors_forgotten": Answer(
        "ex06_q3", 1, "gradients-scaled", _compile(optimizer="RatePerLayer(rate)")
    ),
    "factors_for_rates": Answer(
        "ex06_q3",
        0,
        None,
        _compile(
            "factors = {name: rate * factor for name, factor in factors.items()}",
            "RatePerLayer(rate, factors)",
        ),
        says="the steps of Adam",
    ),
    "divided_by_factors": Answer(
        "ex06_q3",
        1,
        None,
        _compile(
            "factors = {name: 1 / factor for name, factor in factors.items()}",
            "RatePerLayer(rate, factors)",
        ),
        says="multiply by them",
    ),
    "first_factor_for_all": Answer(
        "ex06_q3",
        0,
        None,
        _compile(
            "factors = dict.fromkeys(factors, list(factors.values())[0])",
            "RatePerLayer(rate, factors)",
        ),
        says="the steps of Adam",
    ),
    "usual_rate": Answer(
        "ex06_q3",
        2,
        None,
        _compile(optimizer="RatePerLayer(0.001, factors)"),
        says="right proportion",
    ),
    "kernels_alone": Answer(
        "ex06_q3",
        1,
        None,
        """
def compile_with_rates(model, rate, factors):
    class Kernels(keras.optimizers.Adam):
        def update_step(self, gradient, variable, learning_rate):
            path = self._trainable_variables[self._get_variable_index(variable)].path
            layer, part = path.split("/")[-2:]
            factor = factors.get(layer, 1.0) if part == "kernel" else 1.0
            super().update_step(gradient, variable, learning_rate * factor)

    model.compile(Kernels(rate), "sparse_categorical_crossentropy")
    return model
""",
        says="only one of kernel and bias",
    ),
    "model_rebuilt": Answer(
        "ex06_q3",
        0,
        None,
        _compile("model = keras.models.clone_model(model)", "RatePerLayer(rate, factors)"),
        says="no longer has the weights",
    ),
    "nothing_returned": Answer(
        "ex06_q3",
        0,
        None,
        _compile(optimizer="RatePerLayer(rate, factors)").replace("return model", ""),
        says="should return a Keras model",
    ),
    "whole_ratio": Answer(
        "ex06_q4",
        2,
        None,
        _saved(answer="None if None in needed else needed[1] // needed[0]"),
        says="whole number",
    ),
    "rounded_to_a_whole": Answer(
        "ex06_q4",
        2,
        None,
        _saved(answer="None if None in needed else round(needed[1] / needed[0])"),
        says="whole number",
    ),
    "median_of_seeds": Answer("ex06_q4", 1, None, _saved("median"), says="the median"),
    "worst_seed": Answer("ex06_q4", 1, None, _saved("min"), says="worst"),
    "first_seed": Answer(
        "ex06_q4", 1, None, _saved().replace("np.mean(curves, axis=0)", "curves[0]")
    ),
    "each_seed_on_its_own": Answer(
        "ex06_q4",
        1,
        None,
        """
def looks_saved(looks, pretrained, scratch, goal):
    def needed(curves):
        return np.mean([looks[int(np.argmax(row >= goal))] for row in curves])

    return needed(scratch) / needed(pretrained)
""",
    ),
    "places_for_looks": Answer(
        "ex06_q4",
        1,
        None,
        _saved(answer="None if None in needed else needed[1] / needed[0]").replace(
            "looks[reached[0]]", "reached[0] + 1"
        ),
        says="places",
    ),
    "argmax_of_never": Answer(
        "ex06_q4",
        2,
        None,
        """
def looks_saved(looks, pretrained, scratch, goal):
    first, last = (looks[np.argmax(np.mean(c, axis=0) >= goal)] for c in (pretrained, scratch))
    return last / first
""",
        says="return None",
    ),
    "scratch_alone_asked": Answer(
        "ex06_q4",
        2,
        None,
        """
def looks_saved(looks, pretrained, scratch, goal):
    first, last = (np.mean(c, axis=0) >= goal for c in (pretrained, scratch))
    if not last.any():
        return None
    return looks[np.argmax(last)] / looks[np.argmax(first)]
""",
        says="`pretrained` never reaches",
    ),
    "last_time": Answer(
        "ex06_q4",
        1,
        None,
        """
def looks_saved(looks, pretrained, scratch, goal):
    needed = []
    for curves in (pretrained, scratch):
        mean = np.mean(curves, axis=0)
        if max(mean) < goal:
            return None
        place = max(i for i, accuracy in enumerate(mean) if accuracy < goal) + 1
        needed.append(looks[min(place, len(looks) - 1)])
    return needed[1] / needed[0]
""",
        says="the first time",
    ),
    "always_never": Answer(
        "ex06_q4", 0, None, "def looks_saved(*arguments):\n    return None", says="You gave None"
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

RIGHT = {
    "by_position": RightAnswer(
        "ex06_q1",
        """
def layer_rates(names, rate):
    powers = [10.0 ** (i * 3 // len(names) - 2) for i in range(len(names))]
    return dict(zip(names, np.float32(rate) * np.array(powers, "float32")))
""",
    ),
    "rounded": RightAnswer(
        "ex06_q1",
        """
def layer_rates(names, rate):
    parts = np.array_split(names, 3)
    return {str(n): round(rate / 10 ** (2 - i), 6) for i, part in enumerate(parts) for n in part}
""",
    ),
    "names_taken_away": RightAnswer(
        "ex06_q1",
        """
def layer_rates(names, rate):
    rates, third = {}, len(names) / 3
    while names:
        factor = 0.01 if len(names) > 2 * third else 0.1 if len(names) > third else 1
        rates[names.pop(0)] = factor * rate
    return rates
""",
    ),
    "one_row": RightAnswer(
        "ex06_q2",
        """
def moved(before, after):
    old, new = (np.concatenate([np.ravel(array) for array in x]) for x in (before, after))
    return np.linalg.norm((new - old).astype("float32")) / np.linalg.norm(old.astype("float32"))
""",
    ),
    "number_after_number": RightAnswer(
        "ex06_q2",
        """
def moved(before, after):
    way = length = 0
    for old, new in zip(before, after):
        for x, y in zip(old.flatten().tolist(), new.flatten().tolist()):
            way, length = way + (y - x) ** 2, length + x * x
    return round((way / length) ** 0.5, 3)
""",
    ),
    "with_keras": RightAnswer(
        "ex06_q2",
        """
def moved(before, after):
    squares = [keras.ops.sum(keras.ops.square(a - b)) for a, b in zip(after, before)]
    lengths = [np.linalg.norm(b) for b in before]
    return keras.ops.sqrt(sum(squares)) / np.linalg.norm(lengths)
""",
    ),
    "compiled_twice": RightAnswer(
        "ex06_q3",
        """
def compile_with_rates(model, rate, factors):
    model.compile("sgd", "mse")
    optimizer = RatePerLayer(learning_rate=rate, factors=factors)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    return model
""",
    ),
    "every_layer_named": RightAnswer(
        "ex06_q3",
        """
def compile_with_rates(model, rate, factors):
    rates = {layer.name: rate * factors.get(layer.name, 1) for layer in model.layers}
    model.compile(RatePerLayer(1.0, rates), "sparse_categorical_crossentropy")
    return model
""",
    ),
    "steps_scaled_by_hand": RightAnswer(
        "ex06_q3",
        """
def compile_with_rates(model, rate, factors):
    names = [w.path.split("/")[-2] for w in model.trainable_weights]

    class Scaled(keras.optimizers.Adam):
        def update_step(self, gradient, variable, learning_rate):
            name = names[self._get_variable_index(variable)]
            super().update_step(gradient, variable, learning_rate * factors.get(name, 1))

    model.compile(Scaled(rate), loss="sparse_categorical_crossentropy", run_eagerly=True)
    return model
""",
    ),
    "by_a_loop": RightAnswer(
        "ex06_q4",
        """
def looks_saved(looks, pretrained, scratch, goal):
    def first(rows):
        for i, look in enumerate(looks):
            if sum(row[i] for row in rows) / len(rows) >= goal:
                return np.int64(look)

    ends = first(pretrained), first(scratch)
    return None if None in ends else ends[1] / ends[0]
""",
    ),
    "rounded_to_two_digits": RightAnswer(
        "ex06_q4",
        """
def looks_saved(looks, pretrained, scratch, goal):
    try:
        means = np.mean(pretrained, 0), np.mean(scratch, 0)
        ends = [min(n for n, a in zip(looks, mean) if a >= goal) for mean in means]
    except ValueError:
        return None
    return round(ends[1] / ends[0], 2)
""",
    ),
    "highest_so_far": RightAnswer(
        "ex06_q4",
        """
def looks_saved(looks, pretrained, scratch, goal):
    best = [np.maximum.accumulate(np.mean(c, axis=0)) for c in (pretrained, scratch)]
    places = [int(np.searchsorted(curve, goal)) for curve in best]
    if max(places) == len(looks):
        return None
    return np.float32(looks[places[1]]) / np.float32(looks[places[0]])
""",
    ),
}
