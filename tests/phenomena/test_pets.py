"""What the drawn pets are for: pretrained features tell them apart, few examples alone do not."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_data_scripts.pets.render import COUNTS, render_pets
from course_utils.backbones import load_backbone
from course_utils.features import extract_features
from course_utils.tensors import paths_to_tensor

pytestmark = pytest.mark.slow
EPOCHS = 12
# The training pictures are all there; fewer test pictures keep this file below a minute.
DRAWN = {"train": COUNTS["train"], "test": {"cat": 80, "dog": 80}}


class Pets:
    """A drawn data set, its labels (0 cat, 1 dog) and the accuracy of a probe on it."""

    def __init__(self, folder, seed):
        render_pets(folder, seed=seed, workers=2, counts=DRAWN)
        self.paths = {split: sorted((folder / split).rglob("*.jpg")) for split in DRAWN}
        self.labels = {
            split: np.array([path.parent.name == "dog" for path in paths]).astype(int)
            for split, paths in self.paths.items()
        }

    def probe(self, backbone) -> float:
        """Test accuracy of logistic regression on standardised average-pooled features."""
        codes = {
            split: extract_features(backbone, paths, progress=False).mean(axis=(1, 2))
            for split, paths in self.paths.items()
        }
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
        model.fit(codes["train"], self.labels["train"])
        return model.score(codes["test"], self.labels["test"])


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("minivgg")


@pytest.fixture(scope="module", params=[0, 1])
def pets(request, tmp_path_factory):
    return Pets(tmp_path_factory.mktemp("pets") / "dogs_vs_cats", request.param)


@pytest.fixture(scope="module")
def probe(pets, backbone, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:  # what is cached here is of no use later
        patch.setenv("COURSE_DATA", str(tmp_path_factory.mktemp("data")))
        return pets.probe(backbone)


def test_a_linear_probe_on_pretrained_features_tells_cats_from_dogs(probe):
    # The photographs give 0.83; drawn fur and faces are a little farther from the pretraining.
    assert probe >= 0.72


@pytest.mark.parametrize("pets", [0], indirect=True, scope="module")
def test_the_same_network_from_scratch_falls_behind_the_probe(pets, probe):
    keras.utils.set_random_seed(0)
    backbone = load_backbone("minivgg", weights=False)
    size = backbone.input_size
    images = {
        split: backbone.preprocess(paths_to_tensor(paths, size=size).copy())
        for split, paths in pets.paths.items()
    }
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.model.output)
    model = keras.Model(backbone.model.input, keras.layers.Dense(2)(pooled))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    model.fit(images["train"], pets.labels["train"], epochs=EPOCHS, batch_size=32, verbose=0)
    _, accuracy = model.evaluate(images["test"], pets.labels["test"], verbose=0)
    assert accuracy <= probe - 0.05
