import numpy as np
import pytest

from course_utils.backbones import load_backbone
from course_utils.explain import occlude, occlusion_map, occlusion_rows


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype("float32")


def test_patch_covers_a_square_around_its_middle_and_leaves_the_rest(noise):
    before = noise.copy()
    covered = occlude(noise, 20, 30, size=12)
    assert (covered[:, 14:26, 24:36] == 127).all()
    changed = (covered != noise).any(axis=(0, 3))
    assert not changed[:14].any() and not changed[26:].any()
    assert not changed[:, :24].any() and not changed[:, 36:].any()
    assert (noise == before).all(), "the picture itself was changed"


@pytest.mark.parametrize(
    ("row", "column", "covered"),
    [(2, 2, 8 * 8), (62, 62, 8 * 8), (2, 32, 8 * 12), (-20, 32, 0), (90, 5, 0)],
)
def test_patch_at_the_edge_is_cut_off(noise, row, column, covered):
    result = occlude(noise[0], row, column, size=12, fill=-1)
    assert (result == -1).all(axis=-1).sum() == covered


def test_map_holds_what_the_network_says_of_each_covered_picture(noise):
    backbone = load_backbone("minivgg", include_top=True)

    def predict(pixels):
        return backbone.model.predict(backbone.preprocess(pixels), verbose=0)

    found = occlusion_map(predict, noise, class_number=7, size=20, step=16)
    assert found.shape == (4, 4) and found.dtype == np.float32
    covered = noise.copy()
    covered[:, 14:34, 30:50] = 127  # around row 24, column 40
    assert found[1, 2] == pytest.approx(predict(covered)[0, 7], abs=1e-6)


def test_map_is_lowest_where_the_answer_rests():
    """A network that looks at one place only, so that the right map is known."""
    picture = np.zeros((1, 32, 48, 3), "float32")
    picture[:, 10:14, 33:37] = 255

    def bright_there(pixels):
        share = pixels[:, 10:14, 33:37].mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - share, share], axis=1)

    found = occlusion_map(bright_there, picture, class_number=1, size=8, step=8, fill=0)
    assert found.shape == (4, 6)
    assert np.unravel_index(found.argmin(), found.shape) == (1, 4)
    assert found[1, 4] == 0
    assert np.delete(found.ravel(), 1 * 6 + 4).min() == 1
    for row, line in enumerate(occlusion_rows(bright_there, picture, 1, 8, 8, 0)):
        assert (line == found[row]).all()
