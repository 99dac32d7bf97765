"""The drawn cats and dogs: counts, names, determinism, and that no statistic tells the class."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_data_scripts.pets import render as render_pets
from course_data_scripts.pets.anatomy import BREEDS, Pose, build

FEW = {"train": {"cat": 5, "dog": 5}}
REDUCED = {"train": {"cat": 40, "dog": 40}, "test": {"cat": 40, "dog": 40}}
PHOTOGRAPHS = {"train": 202, "valid": 103, "test": 451}


@pytest.fixture(scope="module", params=[0, 1])
def reduced_set(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pets") / "dogs_vs_cats"
    return render_pets.render_pets(folder, seed=request.param, workers=2, counts=REDUCED)


def files_of(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def held_out_accuracy(folder: Path, describe) -> float:
    rows, labels = {}, {}
    for split in ("train", "test"):
        paths = sorted((folder / split).rglob("*.jpg"))
        rows[split] = np.stack([describe(path) for path in paths])
        labels[split] = [path.parent.name for path in paths]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    return model.fit(rows["train"], labels["train"]).score(rows["test"], labels["test"])


def raw_pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).resize((16, 16), Image.Resampling.BOX), float).ravel()


def statistics(path: Path) -> np.ndarray:
    """Mean and spread of colours, their histograms, edges, sizes of image and file."""
    image = Image.open(path)
    pixels = np.asarray(image, float)
    grey = pixels.mean(axis=2)
    histograms = [np.histogram(pixels[..., c], 8, (0, 256))[0] / grey.size for c in range(3)]
    edges = [np.abs(np.diff(grey, axis=axis)).mean() for axis in (0, 1)]
    sizes = [*image.size, image.width / image.height, path.stat().st_size]
    return np.concatenate([pixels.mean((0, 1)), pixels.std((0, 1)), *histograms, edges, sizes])


def test_counts_and_names_are_like_those_of_the_photographs():
    drawn = dict(render_pets.pet_tasks(seed=3))
    counts = Counter(tuple(name.split("/")[:2]) for name in drawn)
    assert counts["test", "cat"] == 250 and counts["test", "dog"] == 201
    for split, total in PHOTOGRAPHS.items():
        assert counts[split, "cat"] + counts[split, "dog"] == total
    assert "train/cat/cat.0001.jpg" in drawn and "valid/dog/dog.0051.jpg" in drawn
    assert len(set(drawn.values())) == len(drawn) == sum(PHOTOGRAPHS.values())
    assert all(name.split("/")[1] == description[-1] for name, description in drawn.items())


def test_the_same_seed_gives_the_same_files_with_any_number_of_workers(tmp_path):
    one = render_pets.render_pets(tmp_path / "one", seed=7, workers=1, counts=FEW)
    two = render_pets.render_pets(tmp_path / "two", seed=7, workers=2, counts=FEW)
    other = render_pets.render_pets(tmp_path / "other", seed=8, workers=1, counts=FEW)
    assert len(files_of(one)) == 10
    assert files_of(one) == files_of(two)
    assert not set(files_of(one).values()) & set(files_of(other).values())


def test_images_are_jpegs_of_varied_size_upright_and_lying(reduced_set):
    images = [Image.open(path) for path in reduced_set.rglob("*.jpg")]
    sizes = np.array([image.size for image in images])
    assert {image.format for image in images} == {"JPEG"}
    assert {image.mode for image in images} == {"RGB"}
    assert sizes.min() >= 120 and sizes.max() <= 240
    assert len(np.unique(sizes, axis=0)) > 40
    assert 0.2 < np.mean(sizes[:, 0] < sizes[:, 1]) < 0.6


@pytest.mark.parametrize("describe", [raw_pixels, statistics])
def test_no_statistic_tells_cats_from_dogs(reduced_set, describe):
    assert held_out_accuracy(reduced_set, describe) <= 0.65


@pytest.mark.parametrize("describe", [raw_pixels, statistics])
def test_a_statistic_that_tells_the_class_would_be_found(tmp_path, describe):
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for species, light in (("cat", 110), ("dog", 140)):
            folder = tmp_path / split / species
            folder.mkdir(parents=True)
            for i in range(30):
                pixels = rng.normal(light, 30, (150, 200, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{i}.jpg")
    assert held_out_accuracy(tmp_path, describe) > 0.9


def test_breeds_overlap_in_coat_and_ears_and_differ_in_muzzle():
    coats = {"cat": set(), "dog": set()}
    for breed in BREEDS.values():
        coats[breed.species] |= set(breed.coats)
    assert len(coats["cat"] & coats["dog"]) >= 5
    dogs = [breed for breed in BREEDS.values() if breed.species == "dog"]
    assert {breed.ears for breed in dogs} == {"pointed", "hanging", "folded"}
    muzzles = [breed.muzzle for breed in dogs]
    assert max(muzzles) > 3 * min(muzzles)
    assert max(breed.muzzle for breed in BREEDS.values() if breed.species == "cat") < min(muzzles)


@pytest.mark.parametrize("stance", ["sit", "stand", "lie"])
@pytest.mark.parametrize("breed", BREEDS.values(), ids=BREEDS.keys())
def test_every_breed_can_take_every_pose_with_its_paws_near_the_ground(breed, stance):
    pose = Pose(stance, 0.5, 0.2, 0, 0, 0, stretch=0.5, open_mouth=0.2, tongue=True)
    model = build(breed, pose)
    low, high = model.box()
    assert -0.3 < low[1] < 0.1
    assert high[1] > model.head.origin[1] > model.body.outward(model.hip)[1] * 0.9
