"""Learning rates: the parts of a network, distances, restarting, resuming after a kill."""

import numpy as np
import pytest

from course_experiments import learning_rates
from course_experiments.learning_rates import VARIANTS, FineTuning, Variant, order, parts_of
from course_experiments.run_files import read_runs
from course_utils.backbones import load_backbone
from course_utils.measured.runs import RateRun, StageRun, rate_runs, stage_runs
from course_utils.transfer import split_at


@pytest.fixture(scope="module")
def tuning():
    variant = Variant("fast at the end", head=0.01, late=0.01, middle=0.001, early=0.0001)
    return FineTuning(load_backbone("minivgg"), "block4", 2, variant)


@pytest.fixture(scope="module")
def pool():
    rng = np.random.default_rng(0)
    return rng.uniform(0, 1, (16, 4, 4, 256)).astype("float32"), np.arange(16) % 2


def test_parts_behind_the_second_block_are_blocks_three_to_five():
    parts = parts_of(split_at(load_backbone("minivgg"), "block2")[1])
    blocks = {part: {name[:6] for name in names} for part, names in parts.items()}
    assert blocks == {"early": {"block3"}, "middle": {"block4"}, "late": {"block5"}}


def test_parts_move_by_their_rates_and_restart_brings_them_back(tuning, pool):
    tuning.restart(seed=0)
    assert set(tuning.moved().values()) == {0.0}
    tuning.fit(*pool, seed=0, steps=1)
    moved = tuning.moved()
    assert 3 * moved["early"] < moved["middle"] < moved["late"] / 3
    tuning.restart(seed=0)
    assert set(tuning.moved().values()) == {0.0}


def test_classifier_depends_on_the_seed_or_is_given(tuning):
    drawn = []
    for seed in (0, 1, 0):
        tuning.restart(seed)
        drawn.append(tuning.head[0].numpy())
    assert np.array_equal(drawn[0], drawn[2]) and not np.array_equal(drawn[0], drawn[1])
    given = [np.ones((256, 2), "float32"), np.ones(2, "float32")]
    tuning.restart(0, given)
    assert np.array_equal(tuning.head[0].numpy(), given[0])


def test_each_image_comes_once_in_an_epoch():
    rows = order(5, 13, seed=0)
    assert len(rows) == 13 and sorted(rows[:5]) == sorted(rows[5:10]) == [0, 1, 2, 3, 4]
    assert not np.array_equal(rows, order(5, 13, seed=1))


def rate_run(variant, seed):
    return RateRun("pocket", variant, seed, 3, 4, 0.0, 0.0, 0.0, 0.1)


def test_later_call_measures_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_EDITION", "pocket")
    monkeypatch.setattr(learning_rates, "VARIANTS", {})
    monkeypatch.setattr(learning_rates, "Hands", lambda: None)
    done = []

    def instead(hands, tuning, variant, seed):
        done.append(seed)
        return rate_run(variant, seed)

    monkeypatch.setattr(learning_rates, "measure_variant", instead)
    file = tmp_path / "rates.csv"
    learning_rates.measure_rates(file, seeds=(0,))
    file.write_text(file.read_text() + "pocket,head al")  # killed while it wrote
    learning_rates.measure_rates(file, seeds=(0, 1))
    assert done == [0, 1]
    assert [run.seed for run in read_runs(file, RateRun)] == [0, 1]


def test_interrupted_training_starts_again_and_repeats_no_row(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_EDITION", "pocket")
    monkeypatch.setattr(learning_rates, "STAGES", {"pretrained": (1, 2), "random": (1, 2)})
    monkeypatch.setattr(learning_rates, "Network", lambda *settings: None)

    class NoImages:
        def __init__(self, dataset):
            self.train = type("Split", (), {"class_names": ["0", "1"]})

    def instead(pool, network, start, seed, stages):
        for samples_seen in stages:
            yield StageRun("pocket", start, seed, samples_seen, 3, 4, 0.1)

    monkeypatch.setattr(learning_rates, "ImagePool", NoImages)
    monkeypatch.setattr(learning_rates, "measure_stages", instead)
    file = tmp_path / "convergence.csv"
    learning_rates.append(file, StageRun("pocket", "pretrained", 0, 1, 2, 4, 0.1))
    learning_rates.measure_convergence(file, seeds=(0,))
    found = [(run.start, run.samples_seen, run.correct) for run in read_runs(file, StageRun)]
    assert found == [("pretrained", 1, 2), ("pretrained", 2, 3), ("random", 1, 3), ("random", 2, 3)]


def test_course_has_several_seeds_of_every_variant_and_start():
    for variant in (learning_rates.HEAD_ALONE, *VARIANTS):
        assert len(rate_runs(edition="pocket", variant=variant)) >= 3, variant
    for start, stages in learning_rates.STAGES.items():
        assert len(stage_runs(edition="pocket", start=start, samples_seen=stages[-1])) >= 2, start
    assert rate_runs(edition="pocket", variant="no such variant") == []
