"""Answers to exercise 2, and what they deserve."""

from exercises.submissions import Answer, RightAnswer

_FIELD = """
def field(layers):
    size, stride = 1, 1
    for kernel, step in layers:
        {body}
    return {answer}
"""
_COVERING = """
def covering(model, image, number, size):
    rows, columns = image.shape[0] // size, image.shape[1] // size
    images = [image.copy()]
    copy = image.copy()
    for row in range(rows):
        for column in range(columns):
            {fresh}
            copy[{rows}, {columns}] = {fill}
            images.append(copy.copy())
    before, *after = model.predict(np.array(images), verbose=0)[:, {number}]
    return {answer}
"""
_HEAT = """
def heat_map(maps, gradients):
    weights = {weights}
    heat = {heat}
    return {answer}
"""
_CHANNEL = """
def best_channel(train, valid):
    codes, labels = {choose}
    shares = {shares}
    channel = int({best})
    share = roc_auc_score({judge}[1], {judge}[0][:, channel])
    return channel, {share}
"""


def _field(
    body="size, stride = size + (kernel - 1) * stride, stride * step", answer="size, stride"
):
    return _FIELD.format(**locals())


def _covering(
    fresh="copy = image.copy()",
    rows="row * size : (row + 1) * size",
    columns="column * size : (column + 1) * size",
    fill="127",
    number="number",
    answer="(before - np.array(after)).reshape(rows, columns)",
):
    return _COVERING.format(**locals())


def _heat(
    weights="gradients.mean(axis=(0, 1))",
    heat="np.maximum(maps @ weights, 0)",
    answer="heat / heat.max() if heat.max() > 0 else heat",
):
    return _HEAT.format(**locals())


def _channel(
    choose="train",
    judge="valid",
    shares="np.array([roc_auc_score(labels, column) for column in codes.T])",
    best="np.abs(shares - 0.5).argmax()",
    share="share if shares[channel] > 0.5 else 1 - share",
):
    return _CHANNEL.format(**locals())


_BOTH = "[np.concatenate(parts) for parts in zip(train, valid)]"
_MEANS = "codes[labels == 1].mean(axis=0) - codes[labels == 0].mean(axis=0)"
_AS_DROPS = "np.array(after).reshape(rows, columns)"


def _wrong_field(points, misconception, says="", **parts):
    return Answer("ex02_q1", points, misconception, _field(**parts), says)


def _wrong_covering(points, misconception, says="", **parts):
    return Answer("ex02_q2", points, misconception, _covering(**parts), says)


def _wrong_heat(points, misconception, says="", **parts):
    return Answer("ex02_q3", points, misconception, _heat(**parts), says)


def _wrong_channel(points, misconception, says="", **parts):
    return Answer("ex02_q4", points, misconception, _channel(**parts), says)


WRONG = {
    "strides_forgotten": _wrong_field(
        0, "strides-forgotten", body="size, stride = size + kernel - 1, stride * step"
    ),
    "step_first": _wrong_field(
        1, "step-too-early", body="stride *= step; size += (kernel - 1) * stride"
    ),
    "stride_first": _wrong_field(1, "heads-swapped", answer="stride, size"),
    "steps_added": _wrong_field(
        1, None, "strides added up", answer="size, sum(step for _, step in layers)"
    ),
    "steps_beyond_one_added": _wrong_field(
        1, None, "size is right", answer="size, sum(step - 1 for _, step in layers)"
    ),
    "stride_of_the_last": _wrong_field(1, None, "of the last layer", answer="size, step"),
    "stride_without_the_last": _wrong_field(
        1, None, "last layer left out", answer="size, stride // step"
    ),
    "always_stride_4": _wrong_field(1, None, "size is right", answer="size, 4"),
    "poolings_counted": _wrong_field(
        1, None, "size is right", answer="size, 2 ** sum(step > 1 for _, step in layers)"
    ),
    "kernel_of_the_last": _wrong_field(0, None, answer="kernel, step"),
    "whole_kernel": _wrong_field(
        0, None, "instead of kernel - 1", body="size += kernel * stride; stride *= step"
    ),
    "begun_with_0": _wrong_field(0, None, "0 pixels at the start", answer="size - 1, stride"),
    "poolings_skipped": _wrong_field(
        0,
        None,
        "poolings left out",
        body="size += (kernel - 1) * stride * (kernel != step); stride *= step",
    ),
    "from_the_last": Answer(
        "ex02_q1",
        0,
        None,
        _field().replace("in layers", "in layers[::-1]"),
        says="wrong order",
    ),
    "one_number": _wrong_field(0, None, "Two numbers", answer="size"),
    "covers_pile_up": _wrong_covering(1, "covers-pile-up", fresh="pass"),
    "written_into_the_image": _wrong_covering(0, "argument-changed", fresh="copy = image"),
    "what_is_left": _wrong_covering(1.5, None, "probabilities themselves", answer=_AS_DROPS),
    "sign_turned": _wrong_covering(2, None, "sign", answer=f"{_AS_DROPS} - before"),
    "relative": _wrong_covering(1.5, None, "relative", answer=f"1 - {_AS_DROPS} / before"),
    "sign_lost": _wrong_covering(1.5, None, "sign is lost", answer=f"abs(before - {_AS_DROPS})"),
    "never_below_0": _wrong_covering(1.5, None, "not 0", answer=f"(before - {_AS_DROPS}).clip(0)"),
    "covered_with_black": _wrong_covering(2, None, "black", fill="0"),
    "covered_with_white": _wrong_covering(2, None, "white", fill="255"),
    "covered_with_128": _wrong_covering(2, None, "128", fill="128"),
    "covered_with_the_average": _wrong_covering(
        2, None, "average colour", fill="image.mean(axis=(0, 1))"
    ),
    "covered_with_half": _wrong_covering(2, None, "127.5", fill="127.5"),
    "another_class": _wrong_covering(
        1, None, "another class", number="model.predict(image[None], verbose=0).argmax()"
    ),
    "class_0": _wrong_covering(1, None, "another class", number="0"),
    "one_pixel_short": _wrong_covering(
        1,
        None,
        "up to their last row",
        rows="row * size : (row + 1) * size - 1",
        columns="column * size : (column + 1) * size - 1",
    ),
    "whole_rows": _wrong_covering(0, None, "Covering the square in row", columns=":"),
    "one_colour": _wrong_covering(
        0,
        None,
        "Covering the square in row",
        columns="column * size : (column + 1) * size, 0",
    ),
    "rows_and_columns_swapped": _wrong_covering(
        1.5, None, "swapped", answer=f"(before - {_AS_DROPS}).T"
    ),
    "columns_first": _wrong_covering(
        1.5,
        None,
        "wrong order",
        answer=f"(before - {_AS_DROPS}).T.reshape(rows, columns)",
    ),
    "in_a_row": _wrong_covering(0, None, "The shape should be", answer="before - np.array(after)"),
    "nothing_falls": _wrong_covering(0, None, "you gave 0.000", answer=f"0 * {_AS_DROPS}"),
    "last_square_not_covered": _wrong_covering(
        0,
        None,
        "Covering the square in row",
        answer=f"(before - {_AS_DROPS}) * [[(i + 1) * (j + 1) < rows * columns"
        " for j in range(columns)] for i in range(rows)]",
    ),
    "no_relu": _wrong_heat(1, "relu-missing", heat="maps @ weights"),
    "no_relu_scaled_to_both_ends": _wrong_heat(
        1,
        "relu-missing",
        heat="maps @ weights",
        answer="(heat - heat.min()) / (heat.max() - heat.min())",
    ),
    "gradient_of_each_place": _wrong_heat(
        1,
        "gradients-not-averaged",
        weights="gradients",
        heat="np.maximum((maps * weights).sum(axis=-1), 0)",
    ),
    "relu_of_each_channel": _wrong_heat(
        1, "relu-per-channel", heat="np.maximum(maps * weights, 0).sum(axis=-1)"
    ),
    "relu_of_the_weights": _wrong_heat(
        1, "relu-per-channel", "", weights="np.maximum(gradients.mean(axis=(0, 1)), 0)"
    ),
    "weights_without_sign": _wrong_heat(
        1, None, "lost their sign", weights="abs(gradients.mean(axis=(0, 1)))"
    ),
    "heat_without_sign": _wrong_heat(1, None, "became positive", heat="abs(maps @ weights)"),
    "largest_gradient": _wrong_heat(
        1, None, "largest gradient", weights="gradients.max(axis=(0, 1))"
    ),
    "maps_alone": _wrong_heat(1, None, "no part", heat="maps.sum(axis=-1)"),
    "maps_and_gradients_swapped": _wrong_heat(
        1,
        None,
        "swapped",
        weights="maps.mean(axis=(0, 1))",
        heat="np.maximum(gradients @ weights, 0)",
    ),
    "averaged_over_channels": _wrong_heat(
        0,
        None,
        "In row",
        weights="gradients.mean(axis=-1)",
        heat="np.maximum(maps.mean(axis=-1) * weights, 0)",
    ),
    "not_divided": _wrong_heat(2, None, "scale", answer="heat"),
    "divided_by_the_sum": _wrong_heat(
        2, None, "scale", answer="heat / heat.sum() if heat.any() else heat"
    ),
    "zero_by_zero": _wrong_heat(2, None, "zero by zero", answer="heat / heat.max()"),
    "ones_for_nothing": _wrong_heat(
        2, None, "should be zero", answer="heat / heat.max() if heat.any() else heat + 1"
    ),
    "always_zero": _wrong_heat(0, None, "In row", answer="0 * heat"),
    "every_second_call_zero": Answer(
        "ex02_q3",
        0,
        None,
        "calls = []\n"
        + _heat(answer="heat / heat.max() if len(calls) % 2 else 0 * heat").replace(
            "    weights =", "    calls.append(1)\n    weights =", 1
        ),
    ),
    "chosen_on_validation": _wrong_channel(0, "chosen-on-validation", choose="valid"),
    "chosen_on_both": _wrong_channel(0, "chosen-on-validation", choose=_BOTH),
    "judged_on_training": _wrong_channel(1, "judged-where-chosen", judge="train"),
    "judged_on_both": Answer(
        "ex02_q4",
        1,
        "judged-where-chosen",
        _channel(judge="both").replace("    codes,", f"    both = {_BOTH}\n    codes,", 1),
    ),
    "dogs_only": _wrong_channel(1, None, "prefers cats is just as good", best="shares.argmax()"),
    "cats_only": _wrong_channel(1, None, "prefers dogs is just as good", best="shares.argmin()"),
    "not_turned": _wrong_channel(2, None, "other animal", share="share"),
    "turned_on_validation": _wrong_channel(
        1, "chosen-on-validation", "less than half", share="max(share, 1 - share)"
    ),
    "counted_from_1": Answer(
        "ex02_q4", 1, None, _channel().replace("return channel,", "return channel + 1,"), "from 0"
    ),
    "difference_of_the_means": _wrong_channel(
        0, None, "another channel is better", shares=f"0.5 + {_MEANS}"
    ),
    "correlation": _wrong_channel(
        0, None, "another channel is better", shares=f"0.5 + ({_MEANS}) / codes.std(axis=0)"
    ),
    "always_channel_0": _wrong_channel(0, None, best="0"),
    "channel_alone": _wrong_channel(0, None, "Two numbers", share="share, channel"),
    "half": _wrong_channel(1, None, "its score should be", share="0.5"),
}


def _right(question, source):
    return RightAnswer(f"ex02_{question}", source)


RIGHT = {
    "products_of_numpy": _right(
        "q1",
        """
def field(layers):
    kernels, steps = np.array(layers).T
    strides = np.cumprod(np.concatenate([[1], steps]))
    return np.array([1 + np.sum((kernels - 1) * strides[:-1]), strides[-1]])
""",
    ),
    "from_behind": _right(
        "q1",
        """
def field(layers):
    size = 1
    for kernel, step in reversed(layers):
        size = (size - 1) * step + kernel
    return [size, np.prod([step for _, step in layers])]
""",
    ),
    "pairs_as_keys": _right(
        "q1",
        """
def field(layers):
    grows = {layer: layer[0] - 1 for layer in set(layers)}
    size, stride = 1.0, 1.0
    while layers:
        layer = layers.pop(0)
        size, stride = size + grows[layer] * stride, stride * layer[1]
    return size, stride
""",
    ),
    "one_square_at_a_time": _right(
        "q2",
        """
def covering(model, image, number, size):
    height, width, _ = image.shape
    before = model(image[None])[0, number]
    answer = []
    for top in range(0, height, size):
        row = []
        for left in range(0, width, size):
            copy = np.array(image)
            copy[top : top + size, left : left + size] = 127
            row.append(before - model(copy[None])[0, number])
        answer.append(row)
    return answer
""",
    ),
    "masks_and_bytes": _right(
        "q2",
        """
def covering(model, image, number, size):
    rows, columns = image.shape[0] // size, image.shape[1] // size
    squares = np.eye(rows * columns, dtype=bool).reshape(-1, rows, columns)
    masks = squares.repeat(size, axis=1).repeat(size, axis=2)
    images = np.where(masks[..., None], 127, image).astype("uint8")
    after = model.predict_on_batch(images)
    before = model.predict_on_batch(image[None].astype("float64"))
    return (before - after)[:, number].reshape(rows, columns).astype("float32")
""",
    ),
    "drops_rounded_to_three_digits": _right(
        "q2", _covering(answer=f"np.round(before - {_AS_DROPS}, 3)")
    ),
    "tensors": _right(
        "q3",
        """
def heat_map(maps, gradients):
    import tensorflow as tf

    weights = tf.reduce_mean(gradients, axis=(0, 1))
    heat = tf.nn.relu(tf.reduce_sum(maps * weights, axis=-1))
    return tf.math.divide_no_nan(heat, tf.reduce_max(heat))
""",
    ),
    "sums_for_means": _right(
        "q3",
        """
def heat_map(maps, gradients):
    heat = np.einsum("ijc,klc->ij", maps, gradients).clip(min=0).astype("float32")
    return (heat / (heat.max() + 1e-9)).tolist()
""",
    ),
    "nan_to_zero": _right(
        "q3",
        """
def heat_map(maps, gradients):
    heat = np.zeros(maps.shape[:2])
    for channel in range(maps.shape[2]):
        heat += maps[..., channel] * gradients[..., channel].mean()
    heat[heat < 0] = 0
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(heat / heat.max()).round(2)
""",
    ),
    "pairs_counted": _right(
        "q4",
        """
def best_channel(train, valid):
    def count(codes, labels):
        cats, dogs = codes[labels == 0], codes[labels == 1]
        return np.array([np.mean([x > y for x in d for y in c]) for d, c in zip(dogs.T, cats.T)])

    first, second = count(*train), count(*valid)
    channel = np.argmax(np.maximum(first, 1 - first))
    return [channel, second[channel] if first[channel] > 0.5 else 1 - second[channel]]
""",
    ),
    "sign_of_the_column": _right(
        "q4",
        """
def best_channel(train, valid):
    (codes, labels), (new_codes, new_labels) = train, valid
    best = 0, None, None
    for channel in range(codes.shape[1]):
        for sign in (1, -1):
            share = roc_auc_score(labels, sign * codes[:, channel])
            best = max(best, (share, channel, sign))
    share, channel, sign = best
    return float(channel), round(roc_auc_score(new_labels, sign * new_codes[:, channel]), 2)
""",
    ),
    "rank_sums": _right(
        "q4",
        """
def best_channel(train, valid):
    from scipy.stats import mannwhitneyu

    def shares(codes, labels):
        cats, dogs = codes[labels == 0], codes[labels == 1]
        return mannwhitneyu(dogs, cats).statistic / (len(cats) * len(dogs))

    found, new = shares(*train), shares(*valid)
    channel = np.abs(found - 0.5).argmax()
    return np.array([channel, new[channel] if found[channel] > 0.5 else 1 - new[channel]])
""",
    ),
}
