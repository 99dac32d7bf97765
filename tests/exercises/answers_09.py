"""Wrong answers to exercise 9, and what they deserve."""

from exercises.submissions import Answer

_PREPARE = """
def prepare(images, highest):
    values = {values}
    large = np.repeat(np.repeat(values, 2, axis=1), 2, axis=2)
    return np.repeat(large[..., None], 3, axis=-1)
"""
_COPIES = """
def near_copies(train, test, tolerance):
    {steps}
"""
_NEAREST = """
def nearest(target, sets):
    def distance(one, other):
        means = np.sum((one.mean(axis=0) - other.mean(axis=0)) ** 2)
        first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
        {distance}

    distances = {{name: distance(target, rows) for name, rows in sets.items()}}
    {steps}
"""
_SQUARED = "means + np.trace(first + second - 2 * sqrtm(first @ second).real)"
_SMALLEST = "return min((value, name) for name, value in distances.items())[::-1]"
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


def _nearest(
    points, misconception, distance=f"return np.sqrt({_SQUARED})", steps=_SMALLEST, **more
):
    source = _NEAREST.format(distance=distance, steps=steps)
    return Answer("ex09_q3", points, misconception, source, **more)


def _tell_apart(points, misconception, steps, **more):
    return Answer("ex09_q4", points, misconception, _TELL_APART.format(steps=steps), **more)


WRONG = {
    "values_not_scaled": _prepare(1, "values-not-scaled", 'images.astype("float32")'),
    "scaled_to_one": _prepare(1, "scaled-to-one", "images / highest"),
    "overflow": _prepare(1, "integers-overflow", "images * 255 / highest"),
    "overflow_of_whole_numbers": _prepare(1, "integers-overflow", "images * 255 // highest"),
    "four_small_images": Answer(
        "ex09_q1",
        1,
        None,
        "def prepare(images, highest):\n"
        "    values = images.astype('float32') * 255 / highest\n"
        "    return np.tile(values[..., None], (1, 2, 2, 3))\n",
        says="tiled four times",
    ),
    "channels_first": Answer(
        "ex09_q1",
        0,
        None,
        "def prepare(images, highest):\n"
        "    large = images.repeat(2, axis=1).repeat(2, axis=2) * (255.0 / highest)\n"
        "    return np.repeat(large[:, None], 3, axis=1)\n",
        says="shape should be",
    ),
    "always_black": Answer(
        "ex09_q1",
        0,
        None,
        "def prepare(images, highest):\n"
        "    n, height, width = images.shape\n"
        "    return np.zeros((n, 2 * height, 2 * width, 3))\n",
    ),
    "numbers_of_the_training": _copies(
        1,
        "numbers-of-the-training",
        "test = test.astype(int)\n"
        "    return [i for i, x in enumerate(train.astype(int))\n"
        "            if any(np.abs(x - y).max() <= tolerance for y in test)]",
    ),
    "sorted_pixels_compared": _copies(
        1,
        "same-pixels-other-places",
        "known = [np.sort(x.astype(int), axis=None) for x in train]\n"
        "    return [i for i, x in enumerate(test)\n"
        "            if any(np.abs(np.sort(x, axis=None) - y).max() <= tolerance for y in known)]",
    ),
    "mean_difference": _copies(
        1,
        "mean-for-every-number",
        "return [i for i, x in enumerate(test.astype(float))\n"
        "            if any(np.abs(x - y).mean() <= tolerance for y in train)]",
    ),
    "overflow_below_zero": _copies(
        1,
        "integers-overflow",
        "return [i for i, x in enumerate(test)\n"
        "            if any(np.abs(x - y).max() <= tolerance for y in train)]",
    ),
    "overflow_the_other_way": _copies(
        1,
        "integers-overflow",
        "return [i for i, x in enumerate(test)\n"
        "            if any(np.abs(y - x).max() <= tolerance for y in train)]",
    ),
    "less_than_the_tolerance": _copies(
        1,
        None,
        "return [i for i, x in enumerate(test.astype(float))\n"
        "            if any(np.abs(x - y).max() < tolerance for y in train)]",
        says="exactly the tolerance",
    ),
    "exact_copies": _copies(
        1,
        None,
        "known = {x.tobytes() for x in train}\n"
        "    return [i for i, x in enumerate(test) if x.tobytes() in known]",
        says="Only exact",
    ),
    "no_copies": _copies(0, None, "return []", says="8 of 8 copies are missing"),
    "all_images": _copies(0, None, "return list(range(len(test)))", says="No copy is missing"),
    "true_and_false": _copies(
        0, None, "return [x.tobytes() in {y.tobytes() for y in train} for x in test]", says="True"
    ),
    "how_many": _copies(0, None, "return 8", says="a list of indices"),
    "means_only": _nearest(1, "means-only", "return np.sqrt(means)"),
    "root_forgotten": _nearest(
        2,
        "root-forgotten",
        f"return {_SQUARED}",
    ),
    "root_of_each_number": _nearest(
        1,
        "root-of-each-number",
        "root = np.sqrt(np.abs(first @ second))\n"
        "        return np.sqrt(abs(means + np.trace(first + second - 2 * root)))",
    ),
    "traces_only": _nearest(0, None, "return np.sqrt(means + np.trace(first + second))"),
    "farthest": _nearest(
        2,
        None,
        steps="return max((value, name) for name, value in distances.items())[::-1]",
        says="farthest",
    ),
    "second_nearest": _nearest(
        1,
        None,
        steps="return sorted((value, name) for name, value in distances.items())[1][::-1]",
        says="another set is nearer",
    ),
    "name_only": _nearest(
        0, None, steps="return min(distances, key=distances.get)", says="A name and a number"
    ),
    "unknown_name": _nearest(0, None, steps='return "cars", 1.0', says="one of the names"),
    "seen_rows": _tell_apart(
        1,
        "evaluated-on-training",
        "return model.fit(rows, labels).score(rows, labels), max(labels.mean(), 1 - labels.mean())",
    ),
    "half_for_the_larger_share": _tell_apart(
        2,
        None,
        "return np.mean(cross_val_predict(model, rows, labels, cv=5) == labels), 0.5",
        says="always naming the larger",
    ),
    "smaller_share": _tell_apart(
        2,
        None,
        "right = np.mean(cross_val_predict(model, rows, labels, cv=5) == labels)\n"
        "    return right, min(labels.mean(), 1 - labels.mean())",
        says="smaller set",
    ),
    "always_the_larger": _tell_apart(
        1,
        None,
        "larger = max(labels.mean(), 1 - labels.mean())\n    return larger, larger",
        says="does better",
    ),
    "always_one": _tell_apart(1, "evaluated-on-training", "return 1.0, 0.5"),
    "not_shuffled": _tell_apart(
        1,
        None,
        "middle = len(one)\n"
        "    model.fit(rows[: middle + 1], labels[: middle + 1])\n"
        "    return 0.0 * model.score(rows[middle:], labels[middle:]), 0.5",
        says="Shuffle",
    ),
    "one_number": _tell_apart(
        0,
        None,
        "return np.mean(cross_val_predict(model, rows, labels, cv=5) == labels)",
        says="Two numbers",
    ),
    "in_per_cent": _tell_apart(
        0,
        None,
        "return 100 * np.mean(cross_val_predict(model, rows, labels, cv=5) == labels), 50",
        says="fractions",
    ),
}
