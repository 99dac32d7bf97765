import csv
import re
import statistics
from dataclasses import replace

import matplotlib.pyplot as plt
import pytest

from course_utils.measured.advice import FAR, NEAR
from course_utils.measured.runs import FREEZE_LEVELS, TRANSFER_RUNS, transfer_runs
from course_utils.widgets.strategy_advisor import StrategyAdvisor


@pytest.fixture(autouse=True)
def pocket(monkeypatch):
    monkeypatch.setenv("COURSE_EDITION", "pocket")


def accuracies(dataset, per_class):
    """Read the file without the course's reader: test accuracies by (frozen, pretrained)."""
    levels = {code_of(level) for level in FREEZE_LEVELS}
    found = {}
    with TRANSFER_RUNS.open(newline="") as rows:
        for row in csv.DictReader(rows):
            if (row["edition"], row["dataset"], row["per_class"]) == (
                "pocket",
                dataset,
                str(per_class),
            ):
                cell = found.setdefault((int(row["frozen"]), int(row["pretrained"])), [])
                cell.append(int(row["correct"]) / int(row["total"]))
    return {code: shares for code, shares in found.items() if code in levels}


def code_of(level):
    return level.frozen, level.pretrained


@pytest.mark.parametrize("dataset", [NEAR, FAR])
@pytest.mark.parametrize("per_class", [10, 30, 100, 300])
def test_table_holds_the_means_of_the_file_and_how_many_seeds(dataset, per_class):
    advisor = StrategyAdvisor(per_class, "near" if dataset == NEAR else "far")
    expected = accuracies(dataset, per_class)
    rows = re.findall(r'<th scope="row".*?>(.*?)</th><td.*?>(.*?)</td>', advisor._table.value)
    assert len(rows) == len(FREEZE_LEVELS)
    for level, (name, words) in zip(FREEZE_LEVELS, rows, strict=True):
        assert name.startswith(level.name)
        shares = expected.get(code_of(level))
        if shares is None:
            assert words == "not measured"
        else:
            seeds = f"{len(shares)} seed" + "s" * (len(shares) > 1)
            assert words.startswith(f"{statistics.mean(shares):.3f} (")
            assert words.endswith(seeds)


@pytest.mark.parametrize("dataset", [NEAR, FAR])
@pytest.mark.parametrize("per_class", [10, 30, 100, 300])
def test_no_level_that_freezes_more_is_as_good_as_the_recommended(dataset, per_class):
    advisor = StrategyAdvisor(per_class, "near" if dataset == NEAR else "far")
    means = {code: statistics.mean(s) for code, s in accuracies(dataset, per_class).items()}
    names = [level.name for level in FREEZE_LEVELS]
    chosen = names.index(advisor.advice.level.name)
    best = max(means, key=means.get)
    threshold = means[best] - next(
        advisor.advice.cells[per_class, level.name].standard_error
        for level in FREEZE_LEVELS
        if code_of(level) == best
    )
    assert means[code_of(FREEZE_LEVELS[chosen])] >= threshold
    more_frozen = [means[code_of(level)] for level in FREEZE_LEVELS[:chosen]]
    assert all(mean < threshold for mean in more_frozen)


def test_rates_shown_are_those_of_the_file():
    run = transfer_runs(edition="pocket")[0]
    advisor = StrategyAdvisor(30, "far")
    assert f"new layers {run.head_rate:g}" in advisor._status.value
    if advisor.advice.level.name != "all":
        assert f"old layers {run.pretrained_rate:g}" in advisor._status.value


def test_rows_that_are_missing_are_said_to_be_not_measured():
    runs = [run for run in transfer_runs() if run.frozen != 8]
    advisor = StrategyAdvisor(30, "near", runs)
    assert re.search(r"60 %</th><td[^>]*>not measured", advisor._table.value)
    assert "not measured" in str(advisor)


def test_interval_of_a_single_seed_is_said_to_be_too_narrow():
    one = [run for run in transfer_runs() if run.seed == 0]
    several = [replace(run, seed=seed) for run in one for seed in range(3)]
    assert "too narrow with 1 seed" in StrategyAdvisor(30, "near", one)._table.value
    assert "too narrow with 1 seed" in str(StrategyAdvisor(30, "near", one))
    assert "too narrow" not in StrategyAdvisor(30, "near", several)._table.value


def test_edition_without_measurements_gets_the_rule_of_thumb_and_is_told():
    runs = [run for run in transfer_runs() if run.edition == "pocket"]
    advisor = StrategyAdvisor(30, "near", runs, edition="photo")
    assert "Not measured for photographs" in advisor._rule.value
    assert "Freeze the whole backbone" in advisor._status.value
    assert advisor._table.value == ""
    assert "Not measured" in str(advisor)


def test_size_between_two_measured_ones_names_both():
    advisor = StrategyAdvisor(50, "near")
    assert (
        "50 per class was not measured; 30 is the nearest number that was." in advisor._rule.value
    )
    assert "30 per class" in advisor._table.value
    assert "100 per class" in advisor._table.value


def test_size_beyond_all_measured_ones_names_the_nearest():
    assert "300 is the nearest number that was" in StrategyAdvisor(5000)._rule.value
    assert "10 is the nearest number that was" in StrategyAdvisor(2)._rule.value


def test_number_and_choice_change_what_is_shown():
    advisor = StrategyAdvisor(10, "near")
    before = advisor._table.value
    advisor.size.value = 100
    assert advisor._table.value != before
    assert "100 drawn pictures per class" in advisor._rule.value
    advisor.similarity.value = "far"
    assert "small and far" in advisor._rule.value
    assert "Far:" in advisor._meaning.value


@pytest.mark.parametrize("level", FREEZE_LEVELS, ids=lambda level: level.name)
def test_code_trains_as_many_weights_as_were_measured(level):
    runs = [run for run in transfer_runs() if code_of(run) == code_of(level)]
    advisor = StrategyAdvisor(30, "near", runs)
    assert advisor.advice.level == level

    class Train:
        class_names = ("cat", "dog")

    names = {"train": Train}
    exec(advisor.code, names)
    model = names["model"]
    trained = sum(weight.numpy().size for weight in model.trainable_variables)
    measured = transfer_runs(
        dataset=NEAR, per_class=30, frozen=level.frozen, pretrained=level.pretrained
    )
    assert trained == measured[0].trained_parameters
    rate = float(model.optimizer.learning_rate)
    assert rate == pytest.approx(advisor.advice.new_rate)
    if advisor.advice.old_rate:
        factor = model.optimizer.factors["block5_conv3"]
        assert factor * rate == pytest.approx(advisor.advice.old_rate)


def test_reader_without_a_kernel_gets_image_and_words():
    before = plt.get_fignums()
    bundle = StrategyAdvisor(50, "far")._repr_mimebundle_()
    assert "<img" in bundle["text/html"]
    assert "alt=" in bundle["text/html"]
    assert "not measured" in bundle["text/plain"]
    assert "model.compile" in bundle["text/plain"]
    assert plt.get_fignums() == before


def test_two_advisors_do_not_disturb_each_other():
    first, second = StrategyAdvisor(10), StrategyAdvisor(10)
    second.size.value = 100
    assert first.size.value == 10
    assert "10 drawn pictures per class" in first._rule.value
