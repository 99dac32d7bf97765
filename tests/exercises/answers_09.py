"""Wrong answers to exercise 9, and what they deserve."""

from exercises.submissions import Answer

_PREPARE = """
def prepare(pictures, highest):
    values = {values}
    large = np.repeat(np.repeat(values, 2, axis=1), 2, axis=2)
    return np.repeat(large[..., None], 3, axis=-1)
"""
_COPIES = """
def copies(train, test):
    {steps}
"""
_DISTANCE = """
def distance(one, other):
    means = np.sum((one.mean(axis=0) - other.mean(axis=0)) ** 2)
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    {steps}
"""
_TELL_APART = """
def tell_apart(one, other):
    rows = np.concatenate([one, other])
    labels = np.repeat([0, 1], [len(one), len(other)])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    {steps}
"""


def _prepare(points, misconception, values, **more):
    return Answer("ex09_q1", points, misconception, _PREPARE.format(values=values), **more)


def _copies(points, misconception, steps, **more):
    return Answer("ex09_q2", points, misconception, _COPIES.format(steps=steps), **more)


def _distance(points, misconception, steps, **more):
    return Answer("ex09_q3", points, misconception, _DISTANCE.format(steps=steps), **more)


def _tell_apart(points, misconception, steps, **more):
    return Answer("ex09_q4", points, misconception, _TELL_APART.format(steps=steps), **more)


WRONG = {
    "values_not_scaled": _prepare(1, "values-not-scaled", 'pictures.astype("float32")'),
    "scaled_to_one": _prepare(1, "scaled-to-one", "pictures / highest"),
    "overflow": _prepare(1, "integers-overflow", "pictures * 255 / highest"),
    "overflow_of_whole_numbers": _prepare(1, "integers-overflow", "pictures * 255 // highest"),
    "four_small_pictures": Answer(
        "ex09_q1",
        1,
        None,
        "def prepare(pictures, highest):\n"
        "    values = pictures.astype('float32') * 255 / highest\n"
        "    return np.tile(values[..., None], (1, 2, 2, 3))\n",
        says="four times side by side",
    ),
    "channels_first": Answer(
        "ex09_q1",
        0,
        None,
        "def prepare(pictures, highest):\n"
        "    large = pictures.repeat(2, axis=1).repeat(2, axis=2) * (255.0 / highest)\n"
        "    return np.repeat(large[:, None], 3, axis=1)\n",
        says="shape should be",
    ),
    "always_black": Answer(
        "ex09_q1",
        0,
        None,
        "def prepare(pictures, highest):\n"
        "    n, height, width = pictures.shape\n"
        "    return np.zeros((n, 2 * height, 2 * width, 3))\n",
    ),
    "numbers_of_the_training": _copies(
        1,
        "numbers-of-the-training",
        "known = {x.tobytes() for x in test}\n"
        "    return [i for i, x in enumerate(train) if x.tobytes() in known]",
    ),
    "sums_compared": _copies(
        1,
        "same-pixels-other-places",
        "known = {int(np.sort(x, axis=None).astype(int) @ np.arange(x.size)) for x in train}\n"
        "    return [i for i, x in enumerate(test)\n"
        "            if int(np.sort(x, axis=None).astype(int) @ np.arange(x.size)) in known]",
    ),
    "nearly_equal": _copies(
        1,
        None,
        "return [i for i, x in enumerate(test.astype(float))\n"
        "            if any(np.abs(x - y).max() <= 1 for y in train)]",
        says="one pixel",
    ),
    "no_copies": _copies(0, None, "return []", says="4 of 4 copies are missing"),
    "all_pictures": _copies(0, None, "return list(range(len(test)))", says="All copies are there"),
    "true_and_false": _copies(
        0, None, "return [x.tobytes() in {y.tobytes() for y in train} for x in test]", says="True"
    ),
    "how_many": _copies(0, None, "return 4", says="A list of numbers"),
    "means_only": _distance(1, "means-only", "return np.sqrt(means)"),
    "root_forgotten": _distance(
        2,
        "root-forgotten",
        "return means + np.trace(first + second - 2 * sqrtm(first @ second).real)",
    ),
    "root_of_each_number": _distance(
        1,
        "root-of-each-number",
        "root = np.sqrt(np.abs(first @ second))\n"
        "    return np.sqrt(abs(means + np.trace(first + second - 2 * root)))",
    ),
    "traces_only": _distance(0, None, "return np.sqrt(means + np.trace(first + second))"),
    "a_pair": _distance(0, None, "return means, np.trace(first)", says="One number"),
    "seen_rows": _tell_apart(
        1, "evaluated-on-training", "return model.fit(rows, labels).score(rows, labels)"
    ),
    "always_half": _tell_apart(1, None, "return 0.5", says="finds more"),
    "always_one": _tell_apart(1, "evaluated-on-training", "return 1.0"),
    "not_shuffled": _tell_apart(
        1,
        None,
        "model.fit(rows[:200], labels[:200])\n"
        "    return 0.0 * model.score(rows[200:], labels[200:])",
        says="Shuffle",
    ),
    "in_per_cent": _tell_apart(
        0,
        None,
        "return 100 * np.mean(cross_val_predict(model, rows, labels, cv=5) == labels)",
        says="share",
    ),
}
