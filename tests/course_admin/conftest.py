"""A course with small datasets, on which the data commands and the doctor are tested."""

import hashlib

import pytest
from PIL import Image

from course_data_scripts import checksums, draw
from course_utils.editions import DATASETS

SPLITS = ("train", "valid", "test")


@pytest.fixture
def empty_course(tmp_path, monkeypatch):
    """A course without any data, in the pocket edition; what a command sets is undone."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSE_EDITION", "pocket")
    for variable in ("COURSE_MIRROR", "COURSE_BACKBONE", "COURSE_INPUT_SIZE", "KERAS_HOME"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def small_drawings(empty_course, monkeypatch):
    """Each dataset has three grey images to draw; returns the seeds that were drawn."""
    seeds = []

    def grey(seed):
        seeds.append(seed)
        return Image.new("L", (8, 8), seed)

    def tasks(seed):
        return [(f"{split}/cat/1.jpg", seed) for split in SPLITS]

    artists = {name: draw.Artist(grey, tasks, room.room) for name, room in draw.ARTISTS.items()}
    monkeypatch.setattr(draw, "ARTISTS", artists)
    return seeds


@pytest.fixture
def mirror(empty_course, tmp_path, monkeypatch):
    """A mirror with one photograph per dataset, which the manifests know."""
    mirror, manifests = tmp_path / "mirror", tmp_path / "manifests"
    manifests.mkdir()
    for dataset in DATASETS:
        photograph = mirror / dataset / "train" / "0" / "1.jpg"
        photograph.parent.mkdir(parents=True)
        photograph.write_bytes(dataset.encode())
        line = f"{hashlib.sha256(dataset.encode()).hexdigest()}  train/0/1.jpg\n"
        (manifests / f"{dataset}.txt").write_text(line)
    monkeypatch.setattr(checksums, "MANIFESTS", manifests)
    monkeypatch.setenv("COURSE_MIRROR", str(mirror))
    return mirror
