import dataclasses
import json

import numpy as np
import pytest

from course_utils.widgets.parts import training_cost
from course_utils.widgets.parts.training_cost import TrainingCost, measured_costs

COST = TrainingCost("block5", 0.01, 0.009, 0.0001, 800_000_000, 32)


@pytest.fixture(autouse=True)
def own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))


def test_nothing_is_known_before_it_was_measured():
    assert measured_costs("minivgg") == {}


def test_what_was_measured_is_printed_and_kept(monkeypatch, capsys):
    monkeypatch.setattr(training_cost, "measure_costs", lambda name: iter([COST]))
    training_cost.main(["minivgg"])
    assert json.loads(capsys.readouterr().out) == dataclasses.asdict(COST)
    assert measured_costs("minivgg") == {"block5": COST}
    assert measured_costs("vgg16") == {}


def test_measuring_that_was_broken_off_is_not_taken_for_done(monkeypatch):
    def broken(name):
        yield COST
        raise KeyboardInterrupt

    monkeypatch.setattr(training_cost, "measure_costs", broken)
    with pytest.raises(KeyboardInterrupt):
        training_cost.main(["minivgg"])
    assert measured_costs("minivgg") == {}


def test_another_network_is_refused(capsys):
    with pytest.raises(SystemExit):
        training_cost.main(["alexnet"])
    assert "minivgg" in capsys.readouterr().err


def test_frozen_layers_cost_no_training(monkeypatch):
    monkeypatch.setattr(training_cost, "STEPS", 1)
    costs = {
        block: training_cost._measure("minivgg", block, "block5") for block in ("block5", "none")
    }
    assert costs["block5"].seconds_once > 0 and costs["none"].seconds_once == 0
    assert costs["block5"].seconds_stored < costs["block5"].seconds < costs["none"].seconds
    assert costs["block5"].memory <= costs["none"].memory


def test_peak_memory_counts_what_was_held_and_let_go():
    pytest.importorskip("resource", reason="Windows does not tell a process's peak memory")
    before = training_cost.peak_memory()
    size = before + 2**26  # larger than any gap below an earlier peak
    held = np.ones(size, np.uint8)
    del held
    assert training_cost.peak_memory() >= size
