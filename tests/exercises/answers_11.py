"""Wrong answers to exercise 11, and what they deserve."""

from exercises.submissions import Answer

_DIFFERS = """
def what_differs(source, source_labels, target, target_labels):
    if source.shape[1] != target.shape[1]:
        return "feature space"
    {rest}
"""
_ALIGN = """
def align(source, target):
    return {answer}
"""
_STANDARD = "(source - source.mean(axis=0)) / source.std(axis=0)"
_GRADIENT = """
def gradient_at_features(label_gradient, domain_gradient, strength):
    return {answer}
"""
_TOURNAMENT = """
def tournament(paths, scores, first, second):
    winner, loser = (first, second) if scores[first] {sign} scores[second] else (second, first)
    paths = paths.copy()
    paths[loser] = paths[{copied}]
    {end}
"""

WRONG = {
    "always_the_same_name": Answer(
        "ex11_q1",
        0,
        None,
        "def what_differs(*domains):\n    return 'label space'",
        says="3 of 12",
    ),
    "labels_not_looked_at": Answer(
        "ex11_q1",
        2,
        None,
        _DIFFERS.format(
            rest="""moved = np.abs(source.mean(axis=0) - target.mean(axis=0)).max()
    return "marginal distribution" if moved > 1 else "conditional distribution\""""
        ),
        says="9 of 12",
    ),
    "number_for_name": Answer(
        "ex11_q1", 0, None, "def what_differs(*domains):\n    return 2", says="four names"
    ),
    "only_the_mean": Answer(
        "ex11_q2",
        2,
        "only-the-mean",
        _ALIGN.format(answer="source - source.mean(axis=0) + target.mean(axis=0)"),
    ),
    "target_moved": Answer(
        "ex11_q2",
        1,
        "target-for-source",
        _ALIGN.format(
            answer="(target - target.mean(axis=0)) / target.std(axis=0) * source.std(axis=0)"
            " + source.mean(axis=0)"
        ),
    ),
    "only_standardised": Answer(
        "ex11_q2", 1, None, _ALIGN.format(answer=_STANDARD), says="standardised"
    ),
    "one_mean_for_all_features": Answer(
        "ex11_q2",
        0,
        None,
        _ALIGN.format(
            answer="(source - source.mean()) / source.std() * target.std() + target.mean()"
        ),
        says="means",
    ),
    "not_reversed": Answer(
        "ex11_q3",
        0,
        "gradient-not-reversed",
        _GRADIENT.format(answer="label_gradient + strength * domain_gradient"),
    ),
    "without_strength": Answer(
        "ex11_q3", 1, None, _GRADIENT.format(answer="label_gradient - domain_gradient")
    ),
    "both_reversed": Answer(
        "ex11_q3",
        0,
        None,
        _GRADIENT.format(answer="-(label_gradient + strength * domain_gradient)"),
        says="only the other",
    ),
    "winner_overwritten": Answer(
        "ex11_q4",
        0.67,
        "winner-overwritten",
        _TOURNAMENT.format(sign="<", copied="winner", end="return paths"),
    ),
    "best_of_all_copied": Answer(
        "ex11_q4",
        0.67,
        None,
        _TOURNAMENT.format(sign=">", copied="scores.argmax()", end="return paths"),
        says="only the two",
    ),
    "nothing_returned": Answer(
        "ex11_q4",
        0,
        None,
        _TOURNAMENT.format(sign=">", copied="winner", end=""),
        says="is the return missing?",
    ),
}
