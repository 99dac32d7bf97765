"""Wrong answers to exercise 2, and what they deserve."""

from exercises.submissions import Answer

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
            copy[row * size : (row + 1) * size, column * size : (column + 1) * size] = {fill}
            images.append(copy.copy())
    before, *after = model.predict(np.array(images), verbose=0)[:, number]
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
    shares = np.array([roc_auc_score(labels, column) for column in codes.T])
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
    fill="127",
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
    best="np.abs(shares - 0.5).argmax()",
    share="share if shares[channel] > 0.5 else 1 - share",
):
    return _CHANNEL.format(**locals())


WRONG = {
    "strides_forgotten": Answer(
        "ex02_q1",
        0,
        "strides-forgotten",
        _field("size, stride = size + kernel - 1, stride * step"),
    ),
    "step_first": Answer(
        "ex02_q1",
        1,
        "step-too-early",
        _field("size, stride = size + (kernel - 1) * stride * step, stride * step"),
    ),
    "stride_first": Answer("ex02_q1", 1, "heads-swapped", _field(answer="stride, size")),
    "steps_added": Answer(
        "ex02_q1",
        1,
        None,
        _field(answer="size, sum(step - 1 for _, step in layers)"),
        says="size is right",
    ),
    "kernel_of_the_last": Answer("ex02_q1", 0, None, _field(answer="kernel, step")),
    "covers_pile_up": Answer("ex02_q2", 1, "covers-pile-up", _covering(fresh="pass")),
    "written_into_the_image": Answer(
        "ex02_q2", 0, "argument-changed", _covering(fresh="copy = image")
    ),
    "what_is_left": Answer(
        "ex02_q2",
        1.5,
        None,
        _covering(answer="np.array(after).reshape(rows, columns)"),
        says="probabilities themselves",
    ),
    "sign_turned": Answer(
        "ex02_q2",
        2,
        None,
        _covering(answer="(np.array(after) - before).reshape(rows, columns)"),
        says="sign",
    ),
    "covered_with_black": Answer("ex02_q2", 2, None, _covering(fill="0"), says="black"),
    "rows_and_columns_swapped": Answer(
        "ex02_q2",
        1.5,
        None,
        _covering(answer="(before - np.array(after)).reshape(rows, columns).T"),
        says="swapped",
    ),
    "nothing_falls": Answer(
        "ex02_q2", 0, None, _covering(answer="np.zeros((rows, columns))"), says="first square"
    ),
    "no_relu": Answer("ex02_q3", 1, "relu-missing", _heat(heat="maps @ weights")),
    "gradient_of_each_place": Answer(
        "ex02_q3",
        1,
        "gradients-not-averaged",
        _heat(weights="gradients", heat="np.maximum((maps * weights).sum(axis=-1), 0)"),
    ),
    "relu_of_each_channel": Answer(
        "ex02_q3",
        1,
        "relu-per-channel",
        _heat(heat="np.maximum(maps * weights, 0).sum(axis=-1)"),
    ),
    "not_divided": Answer("ex02_q3", 2, None, _heat(answer="heat"), says="scale"),
    "zero_by_zero": Answer(
        "ex02_q3", 2, None, _heat(answer="heat / heat.max()"), says="zero by zero"
    ),
    "always_zero": Answer("ex02_q3", 0, None, _heat(answer="0 * heat")),
    "chosen_on_validation": Answer("ex02_q4", 0, "chosen-on-validation", _channel(choose="valid")),
    "judged_on_training": Answer("ex02_q4", 1, "judged-where-chosen", _channel(judge="train")),
    "dogs_only": Answer(
        "ex02_q4", 1, None, _channel(best="shares.argmax()"), says="prefers cats is just as good"
    ),
    "not_turned": Answer("ex02_q4", 2, None, _channel(share="share"), says="other animal"),
    "always_channel_0": Answer(
        "ex02_q4", 0, None, _channel(best="0"), says="another channel is better"
    ),
}
