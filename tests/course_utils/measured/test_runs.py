import csv
import statistics

import pytest
from scipy.stats import binomtest

from course_utils.measured.runs import FREEZE_LEVELS, TRANSFER_RUNS, over_seeds, transfer_runs

COLUMNS = (
    "edition,dataset,per_class,frozen,pretrained,seed,correct,total,train_accuracy,trained_parameters,"
    "pretrained_rate,head_rate,random_rate,seconds"
)


@pytest.fixture
def runs_with(tmp_path):
    """Write runs that differ in their seed and in how many of 400 answers are right."""

    def write(*correct, total=400):
        rows = [
            f"pocket,dogs_vs_cats,30,13,13,{seed},{right},{total},1.0,514,0.0001,0.01,0.0003,1.5"
            for seed, right in enumerate(correct)
        ]
        file = tmp_path / "runs.csv"
        file.write_text("\n".join([COLUMNS, *rows]) + "\n")
        return file

    return write


def test_runs_come_as_they_stand_in_the_file(runs_with):
    first, second = transfer_runs(runs_with(300, 310))
    assert (first.dataset, first.per_class, first.seed, first.correct) == (
        "dogs_vs_cats",
        30,
        0,
        300,
    )
    assert second.accuracy == 310 / 400
    assert first.key != second.key


def test_only_runs_that_are_wanted_come(runs_with):
    file = runs_with(300, 310)
    assert [run.seed for run in transfer_runs(file, seed=1, dataset="dogs_vs_cats")] == [1]
    assert transfer_runs(file, edition="photo") == []


def test_no_file_means_not_measured(tmp_path):
    assert transfer_runs(tmp_path / "none.csv") == []
    assert over_seeds([]) is None


def test_mean_lies_in_the_interval_and_a_wider_spread_widens_it(runs_with):
    close = over_seeds(transfer_runs(runs_with(300, 302, 301)))
    apart = over_seeds(transfer_runs(runs_with(260, 342, 301)))
    assert close.mean == pytest.approx(apart.mean) == statistics.mean([300, 302, 301]) / 400
    assert apart.low < close.low < close.mean < close.high < apart.high


def test_one_seed_gives_about_the_interval_of_its_test_pictures(runs_with):
    cell = over_seeds(transfer_runs(runs_with(300)))
    wilson = binomtest(300, 400).proportion_ci(0.95, method="wilson")
    assert cell.low == pytest.approx(wilson.low, abs=0.005)
    assert cell.high == pytest.approx(wilson.high, abs=0.005)
    assert "1 seed," in str(cell)


def test_standard_error_adds_the_variances_of_seeds_and_of_pictures(runs_with):
    one = over_seeds(transfer_runs(runs_with(300)))
    assert one.standard_error == pytest.approx((0.75 * 0.25 / 400) ** 0.5, rel=0.01)
    three = over_seeds(transfer_runs(runs_with(280, 300, 320)))
    seeds = statistics.variance([0.7, 0.75, 0.8]) / 3
    assert three.standard_error**2 == pytest.approx(seeds + one.standard_error**2)


def test_interval_stays_between_zero_and_one_and_has_a_width_at_the_ends(runs_with):
    perfect = over_seeds(transfer_runs(runs_with(400, 400)))
    assert 0.9 < perfect.low < perfect.high == 1.0
    assert over_seeds(transfer_runs(runs_with(0, 0))).low == 0.0


def test_words_name_seeds_and_pictures(runs_with):
    words = str(over_seeds(transfer_runs(runs_with(300, 310, 290))))
    assert words.startswith("0.750 (95 % interval")
    assert "3 seeds, 400 test images" in words


def test_course_file_holds_each_run_once_with_all_values():
    runs = transfer_runs()
    assert runs, "the course ships no measurements"
    assert len({run.key for run in runs}) == len(runs)
    assert all(0 <= run.correct <= run.total for run in runs)
    with TRANSFER_RUNS.open(newline="") as rows:
        assert ",".join(next(csv.reader(rows))) == COLUMNS


def test_course_file_was_measured_with_one_recipe_and_known_levels():
    runs = transfer_runs()
    assert len({(run.pretrained_rate, run.head_rate, run.random_rate) for run in runs}) == 1
    levels = {(level.frozen, level.pretrained) for level in FREEZE_LEVELS}
    assert levels <= {(run.frozen, run.pretrained) for run in runs}
