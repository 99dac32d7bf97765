"""Answers to the final project: wrong ones, with what they deserve, and right ones."""

from exercises.function_bodies import makers

_wrong, _right = makers(
    "12",
    {
        2: "recognise(images, labels, new_images)",
        3: "report(predicted, truth)",
        4: "surest_errors(probabilities, truth)",
    },
)

TRAINS = {"ex12_q2"}


def _reported(answer, share="correct / total"):
    return f"""
        correct, total = int((predicted == truth).sum()), len(truth)
        share = {share}
        error = np.sqrt(share * (1 - share) / total)
        return {answer}
    """


def _by_scipy(method, confidence=0.95):
    return _reported(
        f"share, *binomtest(correct, total).proportion_ci({confidence}, method={method!r})"
    )


def _sorted(key="-probabilities[errors].max(axis=1)", condition="!=", end="[:5]"):
    return f"""
        errors = np.flatnonzero(probabilities.argmax(axis=1) {condition} truth)
        return errors[np.argsort({key})]{end}
    """


def _fitted(classifier, block="block4", answer="model.predict_proba(codes[1])"):
    return f"""
        codes = [
            extract_features(backbone, part, {block!r}, progress=False).mean(axis=(1, 2))
            for part in (images, new_images)
        ]
        model = {classifier}.fit(codes[0], labels)
        return {answer}
    """


_LOGISTIC = "make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))"

WRONG = {
    "always_the_same_class": _wrong(
        2, 0, None, "return np.eye(5)[np.zeros(len(new_images), int)]", "All images get the same"
    ),
    "guessed": _wrong(
        2,
        0,
        None,
        "return np.random.default_rng(0).dirichlet(np.ones(5), len(new_images))",
        "guessing",
    ),
    "class_indices": _wrong(
        2, 0, None, "return np.zeros(len(new_images), int)", "a row, one per class"
    ),
    "for_the_known_images": _wrong(2, 0, None, "return np.eye(5)[labels]", "shape"),
    "labels_out_of_order": _wrong(
        2, 0, None, _fitted(_LOGISTIC).replace("labels)", "np.sort(labels))"), "guessing"
    ),
    "columns_reversed": _wrong(
        2,
        0,
        None,
        _fitted(_LOGISTIC, answer="model.predict_proba(codes[1])[:, [1, 2, 3, 4, 0]]"),
        "not in the order of the class indices",
    ),
    "scores_for_probabilities": _wrong(
        2, 4.5, None, _fitted(_LOGISTIC, answer="model.decision_function(codes[1])"), "adds up to 1"
    ),
    "one_image_of_each_class": _wrong(
        2,
        0,
        None,
        """
        first = [np.flatnonzero(labels == c)[0] for c in range(5)]
        flat = [part.reshape(len(part), -1).astype(float) for part in (images[first], new_images)]
        distances = ((flat[1][:, None] - flat[0]) ** 2).sum(axis=2)
        return np.eye(5)[distances.argmin(axis=1)]
        """,
    ),
    "normal_interval": _wrong(
        3, 2, "normal-interval", _reported("share, share - 1.96 * error, share + 1.96 * error")
    ),
    "normal_interval_cut_off": _wrong(
        3,
        2,
        "normal-interval",
        _reported("share, max(0, share - 1.96 * error), min(1, share + 1.96 * error)"),
    ),
    "clopper_and_pearson": _wrong(3, 2, None, _by_scipy("exact"), "method='wilson'"),
    "continuity_correction": _wrong(3, 2, None, _by_scipy("wilsoncc"), "continuity"),
    "ninety_per_cent": _wrong(3, 2, None, _by_scipy("wilson", 0.9), "for 90 %"),
    "one_standard_error": _wrong(
        3, 2, None, _reported("share, share - error, share + error"), "one standard error"
    ),
    "agresti_and_coull": _wrong(
        3,
        2,
        None,
        """
        right, total = (predicted == truth).sum(), len(truth)
        near = (right + 1.92) / (total + 3.84)
        half = 1.96 * np.sqrt(near * (1 - near) / (total + 3.84))
        return right / total, near - half, near + half
        """,
        "Agresti",
    ),
    "swapped_ends": _wrong(
        3,
        2,
        None,
        """
        found = accuracy_report(truth, predicted)
        return found.accuracy, found.high, found.low
        """,
        "The lower end comes first",
    ),
    "per_cent": _wrong(3, 1, None, _reported("100 * share, 0.0, 100.0"), "not percent"),
    "no_interval": _wrong(3, 1, None, _reported("share, share, share"), "the interval is not"),
    "half_widths": _wrong(
        3, 1, None, _reported("share, 1.96 * error, 1.96 * error"), "the interval is not"
    ),
    "errors_for_accuracy": _wrong(
        3,
        0,
        None,
        "found = accuracy_report(truth, predicted)\n"
        "return 1 - found.accuracy, 1 - found.high, 1 - found.low",
        "fraction of errors",
    ),
    "integer_division": _wrong(
        3, 0, None, _reported("share, share - error, share + error", "correct // total"), "cuts off"
    ),
    "mean_over_the_classes": _wrong(
        3,
        0,
        None,
        _reported(
            "share, share - error, share + error",
            "np.mean([np.mean(predicted[truth == c] == c) for c in range(3)])",
        ),
        "whatever their classes",
    ),
    "always_the_same": _wrong(3, 0, None, "return 0.9, 0.8, 0.95", "Correct answers divided"),
    "accuracy_only": _wrong(3, 0, None, _reported("share"), "(accuracy, low, high)"),
    "least_confident_first": _wrong(
        4, 1, "least-probable-first", _sorted("probabilities[errors].max(axis=1)")
    ),
    "five_reversed": _wrong(4, 1, None, _sorted(end="[:5][::-1]"), "put the most confident first"),
    "right_answers": _wrong(4, 0, None, _sorted(condition="=="), "is not an error"),
    "most_confident_of_all": _wrong(
        4,
        0,
        None,
        "return np.argsort(-probabilities.max(axis=1))[:5]",
        "most of them are correct",
    ),
    "by_the_true_class": _wrong(
        4,
        1,
        None,
        _sorted("probabilities[errors, truth[errors]]"),
        "sort by that of the predicted class",
    ),
    "by_the_lead": _wrong(
        4,
        1,
        None,
        _sorted("-np.diff(np.sort(probabilities[errors], axis=1)[:, -2:], axis=1)[:, 0]"),
        "lead over the second",
    ),
    "by_the_entropy": _wrong(
        4,
        1,
        None,
        _sorted("-(probabilities[errors] * np.log(probabilities[errors])).sum(axis=1)"),
        "entropy",
    ),
    "in_order_of_the_rows": _wrong(4, 1, "not-sorted-by-confidence", _sorted("errors")),
    "positions_among_the_errors": _wrong(
        4,
        1,
        None,
        """
        errors = np.flatnonzero(probabilities.argmax(axis=1) != truth)
        return np.argsort(-probabilities[errors].max(axis=1))[:5]
        """,
        "positions among the errors",
    ),
    "all_errors": _wrong(4, 1, None, _sorted(end=""), "not of"),
    "four_errors": _wrong(4, 0, None, _sorted(end="[1:5]"), "not of 4"),
    "second_to_sixth": _wrong(4, 1, "not-sorted-by-confidence", _sorted(end="[1:6]")),
    "probabilities_of_the_errors": _wrong(
        4,
        0,
        None,
        """
        errors = probabilities.argmax(axis=1) != truth
        return np.sort(probabilities[errors].max(axis=1))[::-1][:5]
        """,
        "not probabilities",
    ),
    "first_rows": _wrong(4, 0, None, "return list(range(5))", "is not an error"),
}

RIGHT = {
    "support_vectors": _right(
        2,
        """
        from sklearn.svm import SVC

        codes = [
            extract_features(backbone, part, "block4", progress=False).mean(axis=(1, 2))
            for part in (images, new_images)
        ]
        scale = StandardScaler().fit(codes[0])
        model = SVC(C=10).fit(scale.transform(codes[0]), labels)
        return np.eye(5, dtype="float32")[model.predict(scale.transform(codes[1]))].tolist()
        """,
    ),
    "formula": _right(
        3,
        """
        n, p, z = len(truth), float(np.mean(np.equal(predicted, truth))), 1.96
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return np.array([p, middle - half, middle + half])
        """,
    ),
    "scipy": _right(3, _by_scipy("wilson")),
    "report_itself": _right(3, "return accuracy_report(truth, predicted)"),
    "rounded": _right(
        3,
        """
        found = accuracy_report(truth, predicted)
        return [round(number, 2) for number in (found.accuracy, found.low, found.high)]
        """,
    ),
    "float32": _right(
        3,
        """
        found = accuracy_report(list(truth), list(predicted))
        return np.float32(found.accuracy), np.float32(found.low), np.float32(found.high)
        """,
    ),
    "sorted_in_python": _right(
        4,
        """
        rows = [i for i, row in enumerate(probabilities) if row.argmax() != truth[i]]
        return sorted(rows, key=lambda i: max(probabilities[i]), reverse=True)[:5]
        """,
    ),
    "correct_ones_set_to_zero": _right(
        4,
        """
        confidence = probabilities.max(axis=1)
        confidence[probabilities.argmax(axis=1) == truth] = 0
        return tuple(confidence.argsort()[::-1][:5])
        """,
    ),
    "partitioned_float32": _right(
        4,
        """
        confidence = np.max(probabilities.astype("float32"), axis=-1)
        confidence *= np.argmax(probabilities, axis=-1) != truth
        best = np.argpartition(confidence, -5)[-5:]
        return best[np.argsort(confidence[best])[::-1]].astype(float)
        """,
    ),
    "heap": _right(
        4,
        """
        import heapq

        rows = zip(probabilities.tolist(), truth.tolist())
        errors = [(max(row), i) for i, (row, c) in enumerate(rows) if row.index(max(row)) != c]
        return [i for _, i in heapq.nlargest(5, errors)]
        """,
    ),
}
