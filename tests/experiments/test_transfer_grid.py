"""The transfer grid: what a run does, resuming after a kill, provenance, refusals."""

import json
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest

from course_experiments import transfer_grid
from course_experiments.run_files import read_runs
from course_experiments.transfer_grid import (
    Cell,
    Network,
    Recipe,
    choose,
    cut_after,
    grid,
    layer_cells,
    measure,
    run_all,
    write_provenance,
)
from course_utils.backbones import load_backbone
from course_utils.datasets import Split
from course_utils.measured.runs import FREEZE_LEVELS, Run
from course_utils.weights.minivgg import BLOCKS

TINY = Recipe(steps=2, batch_size=4)


class TwoColours:
    """Dark and light noise instead of the images of a dataset."""

    dataset = "dogs_vs_cats"

    def __init__(self, dataset="dogs_vs_cats", tested_on="test"):
        rng = np.random.default_rng(0)
        labels = np.repeat([0, 1], 12)
        pixels = rng.normal(0, 20, (24, 64, 64, 3)) + np.where(labels, 60, -60)[:, None, None, None]
        self._pixels = pixels.astype("float32")
        self.train = self.test = Split(list(range(24)), labels, ["dark", "light"])

    def images_per_class(self):
        return 12

    def inputs(self, part, frozen):
        model = load_backbone("minivgg").model
        if not frozen:
            return self._pixels
        layer = model.get_layer(cut_after(frozen))
        return keras.Model(model.input, layer.output).predict(self._pixels, verbose=0)


def small_cell(**changes):
    return replace(Cell("dogs_vs_cats", 5, 10, 13, 0), **changes)


@pytest.fixture
def measured(monkeypatch):
    """Record the cells that are measured, without training."""
    done = []

    def instead(pool, network, cell):
        done.append(cell)
        rates = asdict(Recipe())
        names = ("pretrained_rate", "head_rate", "random_rate")
        return Run(
            edition="pocket",
            **asdict(cell),
            correct=3,
            total=4,
            train_accuracy=1.0,
            trained_parameters=5,
            **{name: rates[name] for name in names},
            seconds=0.1,
        )

    monkeypatch.setattr(transfer_grid, "measure", instead)
    monkeypatch.setattr(transfer_grid, "ImagePool", TwoColours)
    monkeypatch.setattr(transfer_grid, "Network", lambda *kind: None)
    monkeypatch.setenv("COURSE_EDITION", "pocket")
    return done


def runs_of(*cells):
    return [(cell, Recipe()) for cell in cells]


# ---------------------------------------------------------------- what a run is


def test_each_level_names_the_last_frozen_layer():
    for level in FREEZE_LEVELS:
        assert level.cut == (cut_after(level.frozen) if level.frozen else None)
    assert cut_after(2) == "block1_pool"
    assert cut_after(3) == "block2_conv1"


def test_levels_are_the_nearest_whole_number_of_convolutions():
    convolutions = sum(count for count, _ in BLOCKS)
    shares = {"all": 1, "80 %": 0.8, "60 %": 0.6, "33 %": 1 / 3, "0 %": 0}
    found = {level.name: level.frozen for level in FREEZE_LEVELS if level.pretrained}
    assert found == {name: round(share * convolutions) for name, share in shares.items()}


def test_grid_has_every_cell_once_the_first_seed_whole_and_then_the_quickest():
    cells = grid()
    assert len(set(cells)) == len(cells) == 2 * 4 * 6 * 3
    assert {cell.seed for cell in cells[:48]} == {0}
    assert {(cell.frozen, cell.seed) for cell in cells[48:64]} == {(13, 1), (13, 2)}
    assert {(cell.frozen, cell.pretrained) for cell in cells[-16:]} == {(0, 0)}
    assert grid(seeds=range(1)) == cells[:48]


def test_layers_are_pretrained_in_whole_blocks_and_all_frozen_or_none():
    cells = layer_cells(seeds=(0,))
    assert {cell.pretrained for cell in cells} == {2, 4, 7, 10, 13}
    assert all(cell.frozen in (0, cell.pretrained) for cell in cells)
    assert len(set(cells)) == 10


def test_smaller_draw_is_part_of_the_larger_and_has_as_many_of_each_class():
    labels = np.repeat([0, 1, 2], 20)
    few, more = choose(labels, 5, seed=1), choose(labels, 10, seed=1)
    assert set(few) < set(more)
    assert np.bincount(labels[few]).tolist() == [5, 5, 5]
    assert set(few) != set(choose(labels, 5, seed=2))


def test_more_images_than_there_are_are_refused():
    with pytest.raises(ValueError, match="30 images per class are asked for, but there are 20"):
        choose(np.repeat([0, 1], [20, 40]), 30, seed=0)


def test_frozen_and_random_layers_are_those_of_the_cell():
    tuned = Network(frozen=4, pretrained=13, classes=3, recipe=TINY)
    names = {variable.path.split("/")[-2] for variable in tuned.model.trainable_variables}
    assert "block2_conv2" not in names
    assert {"block3_conv1", "block5_conv3", "classifier"} <= names
    pretrained = load_backbone("minivgg").model.get_layer("block3_conv1").kernel.numpy()
    tuned.restart(seed=0)
    assert np.array_equal(tuned.model.layers[1].get_layer("block3_conv1").kernel, pretrained)
    anew = Network(frozen=4, pretrained=4, classes=3, recipe=TINY)
    anew.restart(seed=0)
    assert not np.allclose(anew.model.layers[1].get_layer("block3_conv1").kernel, pretrained)


def test_rates_are_small_for_old_layers_only():
    old = Network(frozen=10, pretrained=13, classes=2, recipe=TINY).model.optimizer
    assert float(old.learning_rate) == pytest.approx(TINY.head_rate)
    assert old.factors["block5_conv1"] == pytest.approx(TINY.pretrained_rate / TINY.head_rate)
    scratch = Network(frozen=10, pretrained=10, classes=2, recipe=TINY).model.optimizer
    assert float(scratch.learning_rate) == pytest.approx(TINY.random_rate)
    assert "block5_conv1" not in scratch.factors


def test_same_seed_gives_the_same_run_from_the_same_network(monkeypatch):
    monkeypatch.setenv("COURSE_EDITION", "pocket")
    network, pool = Network(10, 13, 2, TINY), TwoColours()
    first = measure(pool, network, small_cell())
    other = measure(pool, network, small_cell(seed=1))
    again = measure(pool, network, small_cell())
    assert replace(again, seconds=0) == replace(first, seconds=0)
    assert other.seed == 1
    assert (first.per_class, first.total) == (5, 24)
    assert first.trained_parameters == 3 * (9 * 256 * 256 + 256) + 2 * 257


# ---------------------------------------------------------------- resuming


def test_second_call_measures_only_what_is_missing(tmp_path, measured):
    file = tmp_path / "runs.csv"
    cells = [small_cell(seed=seed) for seed in range(3)]
    run_all(runs_of(cells[0]), file)
    run_all(runs_of(*cells), file)
    assert measured == cells
    assert [run.seed for run in read_runs(file)] == [0, 1, 2]


def test_row_cut_short_by_a_kill_is_measured_again(tmp_path, measured):
    file = tmp_path / "runs.csv"
    cells = [small_cell(seed=seed) for seed in range(2)]
    run_all(runs_of(*cells), file)
    file.write_text(file.read_text()[:-9])
    run_all(runs_of(*cells), file)
    assert measured == [*cells, cells[1]]
    assert file.read_text().count("\n") == 3
    assert len({run.key for run in read_runs(file)}) == 2


def test_file_with_half_a_header_starts_anew(tmp_path, measured):
    file = tmp_path / "runs.csv"
    file.write_text("edition,data")
    run_all(runs_of(small_cell()), file)
    assert len(read_runs(file)) == 1


def test_size_without_enough_images_is_left_out(tmp_path, measured):
    file = tmp_path / "runs.csv"
    run_all(runs_of(small_cell(per_class=13), small_cell(per_class=12)), file)
    assert [run.per_class for run in read_runs(file)] == [12]


def test_other_rates_and_editions_are_other_runs(tmp_path, measured, monkeypatch):
    file = tmp_path / "runs.csv"
    cell = small_cell()
    run_all(runs_of(cell), file)
    run_all([(cell, replace(Recipe(), head_rate=0.5))], file)
    monkeypatch.setenv("COURSE_EDITION", "photo")
    run_all(runs_of(cell), file)
    assert len(measured) == 3


# ---------------------------------------------------------------- provenance


def test_provenance_says_how_and_with_what_and_names_no_folder(tmp_path):
    write_provenance(tmp_path, TINY, threads=1)
    text = (tmp_path / "transfer.json").read_text()
    provenance = json.loads(text)
    assert provenance["recipe"] == asdict(TINY)
    assert set(provenance["packages"]) == {"keras", "tensorflow", "numpy"}
    assert str(tmp_path) not in text
    assert "/home" not in text


def test_numbers_measured_in_another_way_are_not_mixed_in(tmp_path):
    write_provenance(tmp_path, TINY, threads=1)
    write_provenance(tmp_path, TINY, threads=1)
    with pytest.raises(ValueError, match="another folder"):
        write_provenance(tmp_path, Recipe(), threads=1)


def test_first_day_is_kept(tmp_path):
    write_provenance(tmp_path, TINY, threads=1)
    file = tmp_path / "transfer.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "first_day": "2020-01-01"}))
    write_provenance(tmp_path, TINY, threads=1)
    assert json.loads(file.read_text())["first_day"] == "2020-01-01"


@pytest.mark.parametrize("arguments", [["nonsense"], ["grid", "--seeds", "0"], []])
def test_wrong_arguments_are_refused(monkeypatch, capsys, arguments):
    monkeypatch.setattr("sys.argv", ["transfer_grid.py", *arguments])
    with pytest.raises(SystemExit) as stopped:
        transfer_grid.main()
    assert stopped.value.code == 2
    assert "usage:" in capsys.readouterr().err
