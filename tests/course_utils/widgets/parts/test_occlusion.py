import numpy as np
import pytest

from course_utils.backbones import load_backbone
from course_utils.widgets.parts.occlusion import occlusion_map, occlusion_rows


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype("float32")


def test_map_holds_the_prediction_for_each_covered_image(noise):
    backbone = load_backbone("minivgg", include_top=True)

    def predict(pixels):
        return backbone.model.predict(backbone.preprocess(pixels), verbose=0)

    found = occlusion_map(predict, noise, class_index=7, size=20, step=16)
    assert found.shape == (4, 4) and found.dtype == np.float32
    covered = noise.copy()
    covered[:, 14:34, 30:50] = 127  # around row 24, column 40
    assert found[1, 2] == pytest.approx(predict(covered)[0, 7], abs=1e-6)


def test_map_is_lowest_where_the_evidence_is():
    """A network that looks at one place only, so that the right map is known."""
    image = np.zeros((1, 32, 48, 3), "float32")
    image[:, 10:14, 33:37] = 255

    def bright_there(pixels):
        share = pixels[:, 10:14, 33:37].mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - share, share], axis=1)

    found = occlusion_map(bright_there, image, class_index=1, size=8, step=8)
    assert found.shape == (4, 6)
    assert np.unravel_index(found.argmin(), found.shape) == (1, 4)
    assert found[1, 4] == pytest.approx(127 / 255)
    assert np.delete(found.ravel(), 1 * 6 + 4).min() == 1
    for row, line in enumerate(occlusion_rows(bright_there, image, 1, 8, 8)):
        assert (line == found[row]).all()
