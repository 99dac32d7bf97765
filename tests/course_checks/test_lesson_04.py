"""Exercise 4: other right answers pass, and answers that look away do not."""

import numpy as np
import pytest
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

import course_checks as checks


def codes_in_loops(maps):
    rows = [
        [np.clip(image[..., c], 0, None).mean() for c in range(maps.shape[-1])] for image in maps
    ]
    return rows


def weights_as_numpy_numbers(height, width, channels, units):
    return np.array([(height * width * channels + 1) * units, (channels + 1) * units])


def predictions_by_hand(codes, labels, persons, k):
    predicted = np.full(len(labels), -1)
    for learn, test in GroupKFold(5).split(codes, labels, persons):
        choose = SelectKBest(k=k).fit(codes[learn], labels[learn])
        mean, spread = codes[learn].mean(axis=0), codes[learn].std(axis=0)
        scaled = (codes - mean) / spread
        model = LogisticRegression(C=0.1)
        model.fit(choose.transform(scaled[learn]), labels[learn])
        predicted[test] = model.predict(choose.transform(scaled[test]))
    return predicted.tolist()


def depth_with_other_spread(right):
    best = max(right, key=lambda block: sum(right[block]))
    for block, rows in right.items():
        gained = right[best].astype(int) - rows.astype(int)
        if gained.mean() <= 1.96 * gained.std() / len(gained) ** 0.5:
            return np.str_(block)


@pytest.mark.parametrize("seed", [0, 1, None])
@pytest.mark.parametrize(
    ("check", "function"),
    [
        (checks.codes_of_maps, codes_in_loops),
        (checks.weights_behind_maps, weights_as_numpy_numbers),
        (checks.honest_cross_validation, predictions_by_hand),
        (checks.earliest_depth, depth_with_other_spread),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_answer_written_otherwise_gets_all_points(check, function, seed):
    verdict = check(function, points=2, seed=seed)
    assert verdict.score == 1, verdict.message


@pytest.mark.parametrize("block", [f"block{number}" for number in range(1, 6)])
def test_no_block_is_right_whatever_was_measured(block):
    assert checks.earliest_depth(lambda right: block, points=3).score < 0.5
