"""Answers to exercise 11: wrong ones, with what they deserve, and right ones of other kinds."""

from exercises.function_bodies import makers

_wrong, _right = makers(
    "11",
    {
        1: "what_differs(source, source_labels, target, target_labels)",
        2: "align(source, target)",
        3: "gradient_at_features(label_gradient, domain_gradient, strength)",
        4: "tournament(paths, scores, first, second)",
    },
)


def _different(
    features="source.shape[1] != target.shape[1]",
    labels="set(source_labels) != set(target_labels)",
    moved="np.abs(source.mean(axis=0) - target.mean(axis=0)).max() > 1",
):
    return f"""
        if {features}:
            return "feature space"
        if {labels}:
            return "label space"
        return "marginal distribution" if {moved} else "conditional distribution"
    """


def _aligned(mean="source.mean(axis=0)", deviation="source.std(axis=0)", rest=None):
    rest = rest or "* target.std(axis=0) + target.mean(axis=0)"
    return f"return (source - {mean}) / {deviation} {rest}"


def _played(sign=">", steps="paths[loser] = paths[winner]", end="return paths"):
    return f"""
        winner, loser = (first, second) if scores[first] {sign} scores[second] else (second, first)
        paths = paths.copy()
        {steps}
        {end}
    """


WRONG = {
    "always_the_same_name": _wrong(1, 0, None, "return 'label space'", "3 of 12"),
    "labels_not_looked_at": _wrong(1, 2, None, _different(labels="False"), "9 of 12"),
    "only_wider_features": _wrong(
        1,
        2,
        None,
        _different(
            "source.shape[1] < target.shape[1]",
            moved="source.shape != target.shape or np.ptp(source.mean(0) - target.mean(0)) > 1",
        ),
        "fewer features",
    ),
    "number_of_classes": _wrong(
        1,
        2,
        None,
        _different(labels="len(np.unique(source_labels)) != len(np.unique(target_labels))"),
        "though equally many",
    ),
    "no_class_in_common": _wrong(
        1,
        2,
        None,
        _different(labels="not set(source_labels) & set(target_labels)"),
        "one of the two classes",
    ),
    "no_new_class": _wrong(
        1,
        2,
        None,
        _different(labels="set(source_labels) - set(target_labels)"),
        "a class more",
    ),
    "largest_class": _wrong(
        1, 2, None, _different(labels="source_labels.max() < target_labels.max()"), "classes"
    ),
    "label_by_label": _wrong(
        1,
        1,
        None,
        _different(labels="(source_labels != target_labels).any()"),
        "but it is the marginal distribution",
    ),
    "only_higher_means": _wrong(
        1,
        2,
        None,
        _different(moved="(target.mean(axis=0) - source.mean(axis=0)).max() > 1"),
        "lower mean",
    ),
    "only_lower_means": _wrong(
        1,
        2,
        None,
        _different(moved="(source.mean(axis=0) - target.mean(axis=0)).max() > 1"),
        "higher mean",
    ),
    "only_the_first_feature": _wrong(
        1,
        2,
        None,
        _different(moved="abs(source[:, 0].mean() - target[:, 0].mean()) > 1"),
        "marginal distribution: one feature",
    ),
    "deviations_compared": _wrong(
        1,
        2,
        None,
        _different(moved="np.abs(source.std(axis=0) - target.std(axis=0)).max() > 1"),
        "mean in the target",
    ),
    "marginal_and_conditional_swapped": _wrong(
        1,
        1,
        None,
        _different(moved="np.abs(source.mean(axis=0) - target.mean(axis=0)).max() < 1"),
        "6 of 12",
    ),
    "features_compared_first": _wrong(
        1,
        0,
        None,
        """
        if np.abs(source.mean(axis=0) - target.mean(axis=0)).max() > 1:
            return "marginal distribution"
        return "label space" if set(source_labels) != set(target_labels) else "feature space"
        """,
        "could not be broadcast",
    ),
    "counter_of_calls": _wrong(
        1,
        0,
        None,
        """
        what_differs.calls = getattr(what_differs, "calls", -1) + 1
        names = ["feature space", "label space", "marginal distribution"]
        return [*names, "conditional distribution"][what_differs.calls // 3 % 4]
        """,
        "of 12",
    ),
    "number_for_name": _wrong(1, 0, None, "return 2", "four names"),
    "short_name": _wrong(1, 0, None, "return 'marginal'", "choose one of"),
    "only_the_mean": _wrong(
        2, 2, "only-the-mean", _aligned(deviation="1", rest="+ target.mean(axis=0)")
    ),
    "target_moved": _wrong(
        2,
        1,
        "target-for-source",
        "return (target - target.mean(0)) / target.std(0) * source.std(0) + source.mean(0)",
    ),
    "only_standardised": _wrong(2, 1, None, _aligned(rest="* 1"), "standardised"),
    "mean_of_the_target_forgotten": _wrong(
        2, 1, None, _aligned(rest="* target.std(axis=0)"), "Add the target's mean"
    ),
    "variances": _wrong(
        2,
        1,
        None,
        _aligned(deviation="source.var(axis=0)", rest="* target.var(axis=0) + target.mean(axis=0)"),
        "variances",
    ),
    "deviations_swapped": _wrong(
        2,
        1,
        None,
        _aligned(deviation="target.std(axis=0)", rest="* source.std(axis=0) + target.mean(axis=0)"),
        "swapped",
    ),
    "not_standardised_first": _wrong(2, 1, None, _aligned(deviation="1"), "Divide by the source's"),
    "standardised_by_the_target": _wrong(
        2, 1, None, _aligned("target.mean(0)", "target.std(0)", "* 1"), "its own mean and deviation"
    ),
    "moved_before_it_is_stretched": _wrong(
        2,
        1,
        None,
        """
        moved = source - source.mean(axis=0) + target.mean(axis=0)
        return moved / moved.std(axis=0) * target.std(axis=0)
        """,
        "add the target's after it",
    ),
    "one_mean_for_all_features": _wrong(
        2,
        1,
        None,
        "return (source - source.mean()) / source.std() * target.std() + target.mean()",
        "axis=0",
    ),
    "by_rows": _wrong(
        2,
        0,
        None,
        _aligned("source.mean(axis=1, keepdims=True)", "source.std(axis=1, keepdims=True)"),
        "not those of the target",
    ),
    "from_lowest_to_highest": _wrong(
        2,
        0,
        None,
        """
        scaled = (source - source.min(axis=0)) / np.ptp(source, axis=0)
        return scaled * np.ptp(target, axis=0) + target.min(axis=0)
        """,
        "not those of the target",
    ),
    "full_coral": _wrong(
        2,
        2,
        None,
        """
        def power(matrix, exponent):
            values, vectors = np.linalg.eigh(matrix)
            return vectors * values**exponent @ vectors.T

        whitened = (source - source.mean(0)) @ power(np.cov(source.T), -0.5)
        return whitened @ power(np.cov(target.T), 0.5) + target.mean(0)
        """,
        "this is CORAL",
    ),
    "drawn_anew": _wrong(
        2,
        1,
        None,
        """
        new = np.random.default_rng(0).normal(size=source.shape)
        new = (new - new.mean(axis=0)) / new.std(axis=0)
        return new * target.std(axis=0) + target.mean(axis=0)
        """,
        "Means and deviations are right",
    ),
    "turned_over": _wrong(
        2,
        1,
        None,
        _aligned(deviation="-source.std(axis=0)"),
        "positive",
    ),
    "rows_of_the_target": _wrong(2, 0, None, "return np.resize(target, source.shape)", ""),
    "not_reversed": _wrong(
        3, 0, "gradient-not-reversed", "return label_gradient + strength * domain_gradient"
    ),
    "without_strength": _wrong(
        3, 1, None, "return label_gradient - domain_gradient", "strength is missing"
    ),
    "neither_reversed_nor_scaled": _wrong(
        3, 0, "gradient-not-reversed", "return label_gradient + domain_gradient"
    ),
    "divided_by_the_strength": _wrong(
        3, 1, None, "return label_gradient - domain_gradient / strength", "do not divide"
    ),
    "both_scaled": _wrong(
        3,
        1,
        None,
        "return strength * (label_gradient - domain_gradient)",
        "only the domain's",
    ),
    "weighted_mean": _wrong(
        3,
        1,
        None,
        "return (1 - strength) * label_gradient - strength * domain_gradient",
        "Do not scale the label's",
    ),
    "averaged": _wrong(
        3, 1, None, "return (label_gradient - strength * domain_gradient) / 2", "average"
    ),
    "both_reversed": _wrong(
        3, 0, None, "return -(label_gradient + strength * domain_gradient)", "only the other"
    ),
    "wrong_one_reversed": _wrong(
        3, 0, None, "return strength * domain_gradient - label_gradient", "only the other"
    ),
    "roles_swapped": _wrong(
        3, 0, None, "return domain_gradient - strength * label_gradient", "roles"
    ),
    "only_the_domain": _wrong(
        3, 0, None, "return -strength * domain_gradient", "label gradient is missing"
    ),
    "only_the_label": _wrong(3, 0, None, "return label_gradient", "domain gradient is missing"),
    "always_a_half": _wrong(
        3, 0, None, "return label_gradient - 0.5 * domain_gradient", "and the strength"
    ),
    "product": _wrong(
        3, 0, None, "return -strength * label_gradient * domain_gradient", "you gave"
    ),
    "one_number": _wrong(
        3, 0, None, "return np.sum(label_gradient - strength * domain_gradient)", "shape"
    ),
    "winner_overwritten": _wrong(4, 0.67, "winner-overwritten", _played("<")),
    "second_always_loses": _wrong(
        4, 0.67, "winner-overwritten", "paths[second] = paths[first]\nreturn paths"
    ),
    "first_always_loses": _wrong(
        4, 0.67, "winner-overwritten", "paths[first] = paths[second]\nreturn paths"
    ),
    "later_one_always_loses": _wrong(
        4,
        0.67,
        "winner-overwritten",
        "paths[max(first, second)] = paths[min(first, second)]\nreturn paths",
    ),
    "best_of_all_copied": _wrong(
        4, 0.67, None, _played(steps="paths[loser] = paths[scores.argmax()]"), "Only the two"
    ),
    "worst_of_all_overwritten": _wrong(
        4, 0.67, None, _played(steps="paths[scores.argmin()] = paths[winner]"), "Only the two"
    ),
    "best_over_worst": _wrong(
        4,
        0.67,
        None,
        "paths[scores.argmin()] = paths[scores.argmax()]\nreturn paths",
        "Only the two",
    ),
    "exchanged": _wrong(
        4,
        0.67,
        None,
        _played(steps="paths[[winner, loser]] = paths[[loser, winner]]"),
        "changed places",
    ),
    "everybody_becomes_the_winner": _wrong(
        4, 0.67, None, _played(steps="paths[:] = paths[winner]"), "other than the loser's"
    ),
    "first_layer_only": _wrong(
        4, 0, None, _played(steps="paths[loser, 0] = paths[winner, 0]"), "in all its layers"
    ),
    "set_to_zero": _wrong(4, 0, None, _played(steps="paths[loser] = 0"), "should become"),
    "nothing_changed": _wrong(4, 0, None, "return paths", "No path has changed"),
    "only_the_winner": _wrong(4, 0, None, _played(end="return paths[winner]"), "all paths"),
    "loser_removed": _wrong(4, 0, None, "return np.delete(paths, first, axis=0)", "shape"),
    "nothing_returned": _wrong(4, 0, None, _played(end=""), "is the return missing?"),
}

RIGHT = {
    "sorted_classes": _right(
        1,
        """
        if len(source[0]) != len(target[0]):
            return "feature space"
        if sorted(np.unique(source_labels)) != sorted(np.unique(target_labels)):
            return "label space"
        far = np.linalg.norm(source.mean(axis=0) - target.mean(axis=0)) > 1.2
        return str(np.where(far, "marginal distribution", "conditional distribution"))
        """,
    ),
    "labels_first": _right(
        1,
        """
        if not np.array_equal(np.unique(source_labels), np.unique(target_labels)):
            return "label space"
        if np.shape(source) != np.shape(target):
            return "feature space"
        for one, other in zip(source.T.tolist(), target.T.tolist()):
            if abs(sum(one) / len(one) - sum(other) / len(other)) > 0.5:
                return "marginal distribution"
        return "conditional distribution"
        """,
    ),
    "a_test_for_each_feature": _right(
        1,
        """
        from scipy.stats import ttest_ind

        if source.shape != target.shape:
            return "feature space"
        if np.setxor1d(source_labels, target_labels).size:
            return "label space"
        moved = (ttest_ind(source, target).pvalue < 1e-9).any()
        return ["conditional distribution", "marginal distribution"][int(moved)]
        """,
    ),
    "sample_deviation": _right(
        2,
        """
        columns = [
            (one - one.mean()) / one.std(ddof=1) * other.std(ddof=1) + other.mean()
            for one, other in zip(source.T, target.T)
        ]
        return np.array(columns).T
        """,
    ),
    "scalers": _right(
        2,
        """
        from sklearn.preprocessing import StandardScaler

        wanted = StandardScaler().fit(target)
        return wanted.inverse_transform(StandardScaler().fit_transform(source))
        """,
    ),
    "pandas_and_numpy": _right(
        2, _aligned(deviation="source.std(axis=0)", rest="* target.std(0, ddof=1) + target.mean(0)")
    ),
    "rounded_float32": _right(
        2,
        "source = source.astype('float32')\n"
        + _aligned().replace("return", "return np.round(")
        + ", 2)",
    ),
    "lists": _right(
        2,
        """
        import statistics as s

        a, b = source.T.tolist(), target.T.tolist()
        return [
            [(x - s.mean(p)) / s.stdev(p) * s.stdev(q) + s.mean(q) for x, p, q in zip(row, a, b)]
            for row in source.tolist()
        ]
        """,
    ),
    "pairs_in_lists": _right(
        3,
        """
        pairs = zip(label_gradient.ravel(), domain_gradient.ravel())
        return np.array([a - b * strength for a, b in pairs]).reshape(label_gradient.shape)
        """,
    ),
    "tensorflow": _right(
        3,
        """
        import tensorflow as tf

        reversed_ = tf.negative(tf.cast(domain_gradient, "float32")) * strength
        return tf.cast(label_gradient, "float32") + reversed_
        """,
    ),
    "in_place": _right(
        3, "label_gradient -= domain_gradient * strength\nreturn label_gradient.tolist()"
    ),
    "rounded": _right(3, "return (label_gradient - strength * domain_gradient).round(4)"),
    "in_place_tournament": _right(
        4,
        """
        loser = min(first, second, key=lambda i: scores[i])
        paths[loser] = paths[first + second - loser]
        return paths.tolist()
        """,
    ),
    "by_argmax": _right(
        4,
        """
        pair = np.array([first, second])
        order = pair[np.argsort(scores[pair])]
        return np.stack([paths[order[1] if i == order[0] else i] for i in range(len(paths))])
        """,
    ),
    "where": _right(
        4,
        """
        lost = second if scores[first] >= scores[second] else first
        rows = np.arange(len(paths))[:, None, None]
        return np.where(rows == lost, paths[first if lost == second else second], paths) * 1.0
        """,
    ),
}
