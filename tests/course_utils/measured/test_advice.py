import pytest

from course_utils.measured.advice import FAR, LARGE, NEAR, USUAL_RATES, advise, rule_of_thumb
from course_utils.measured.runs import FREEZE_LEVELS, Run


def runs_with(accuracies, dataset=NEAR, per_class=30, seeds=3, edition="pocket"):
    """Runs on 1000 test pictures, by name of the level; the seeds agree."""
    levels = {level.name: level for level in FREEZE_LEVELS}
    return [
        Run(
            edition,
            dataset,
            per_class,
            levels[name].frozen,
            levels[name].pretrained,
            seed,
            round(1000 * accuracy),
            1000,
            1.0,
            10,
            1e-4,
            1e-2,
            3e-4,
            1.0,
        )
        for name, accuracy in accuracies.items()
        for seed in range(seeds)
    ]


CLEAR = {"all": 0.7, "80 %": 0.8, "60 %": 0.9, "33 %": 0.905, "0 %": 0.85, "from scratch": 0.5}


@pytest.mark.parametrize(
    ("per_class", "near", "levels"),
    [
        (30, True, ("all",)),
        (LARGE, True, ("80 %", "60 %")),
        (LARGE - 1, False, ("33 %",)),
        (LARGE, False, ("0 %",)),
    ],
)
def test_rule_of_thumb_has_four_scenarios(per_class, near, levels):
    assert rule_of_thumb(per_class, near).levels == levels


def test_of_levels_that_are_as_good_the_one_with_most_frozen_is_advised():
    assert advise(30, True, runs_with(CLEAR)).level.name == "60 %"


def test_clearly_best_level_is_advised():
    assert advise(30, True, runs_with({**CLEAR, "0 %": 0.99})).level.name == "0 %"


def test_other_dataset_and_other_edition_do_not_count():
    runs = runs_with(CLEAR) + runs_with({**CLEAR, "all": 0.99}, dataset=FAR)
    assert advise(30, True, runs).level.name == "60 %"
    assert advise(30, False, runs).level.name == "all"
    assert advise(30, True, runs, edition="photo").decisive is None


def test_without_measurements_the_rule_of_thumb_decides():
    advice = advise(30, False, [])
    assert advice.level.name == "33 %"
    assert advice.agrees is None
    assert (advice.old_rate, advice.new_rate) == (USUAL_RATES["old"], USUAL_RATES["new"])
    assert advise(30, True, []).old_rate is None, "all is frozen: no old layer trains"


@pytest.mark.parametrize(
    ("per_class", "sizes", "decisive"),
    [
        (10, (10,), 10),
        (12, (10, 100), 10),
        (60, (10, 100), 100),
        (3, (10,), 10),
        (900, (100,), 100),
    ],
)
def test_nearest_measured_size_decides(per_class, sizes, decisive):
    runs = runs_with(CLEAR, per_class=10) + runs_with(CLEAR, per_class=100)
    advice = advise(per_class, True, runs)
    assert (advice.sizes, advice.decisive) == (sizes, decisive)


def test_agreement_is_that_of_the_rule_with_the_best_level():
    assert advise(30, True, runs_with(CLEAR)).agrees is False
    assert advise(30, True, runs_with({**CLEAR, "all": 0.9})).agrees is True
    only = {name: share for name, share in CLEAR.items() if name != "all"}
    assert advise(30, True, runs_with(only)).agrees is None


def test_rates_are_those_of_the_measurement():
    partly = advise(30, True, runs_with(CLEAR))
    assert (partly.old_rate, partly.new_rate) == (1e-4, 1e-2)
    frozen = advise(30, True, runs_with({"all": 0.9}))
    assert (frozen.old_rate, frozen.new_rate) == (None, 1e-2)
    scratch = advise(30, True, runs_with({**CLEAR, "from scratch": 0.99}))
    assert (scratch.old_rate, scratch.new_rate) == (None, 3e-4)


def test_no_images_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        advise(0, True, [])
