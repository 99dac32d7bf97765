"""Hidden tests send images that are on no learner's disk, made once for a gradebook."""

import nbformat
import numpy as np
import pytest
from exercises.submissions import SOURCE, source_notebook
from grading import small_course
from PIL import Image

from course_admin.grading import hidden_data
from course_admin.grading.grading_key import GradingKey
from course_checks import reference_data
from course_utils.datasets import SPLITS, read_folder

KEY, OTHER = GradingKey(b"secret"), GradingKey(b"another")


@pytest.mark.parametrize(
    ("exercise", "parts"),
    [
        ("01_pretrained_classifier", set()),
        ("03_feature_extractor", {"pets"}),
        ("05_fine_tuning", {"signs"}),
        ("12_final_project", {"project"}),
    ],
)
def test_only_exercises_whose_checks_compare_with_images_need_any(exercise, parts):
    assert hidden_data.parts_needed([source_notebook(exercise)]) == parts


def test_every_part_is_needed_by_an_exercise_and_made_from_a_dataset():
    definitions = [nbformat.read(path, as_version=4) for path in SOURCE.glob("*/*.ipynb")]
    assert hidden_data.parts_needed(definitions) == set(reference_data.PARTS)
    assert set(hidden_data.DATASETS) == set(reference_data.PARTS)


@pytest.fixture
def computed(monkeypatch):
    """Let few images do, and computing only write down for what."""
    done = []

    def compute(part, images, folder):
        done.append(part)
        assert read_folder(images)
        (folder / f"{part}.npz").touch()

    monkeypatch.setattr(hidden_data, "_compute", compute)
    monkeypatch.setattr(hidden_data, "ANIMALS", 4)
    monkeypatch.setattr(hidden_data, "SIGNERS", 1)
    return done


def prepare(folder, *exercises, key=KEY):
    return hidden_data.prepare([source_notebook(name) for name in exercises], folder, key)


def test_images_are_made_once_for_a_gradebook_and_only_the_owner_may_enter(computed, tmp_path):
    folder = prepare(tmp_path, "12_final_project")
    assert prepare(tmp_path, "12_final_project") == folder
    assert computed == ["project"]
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")}
    assert len(before) == 10
    prepare(tmp_path, "05_fine_tuning")
    assert computed == ["project", "signs"]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")} == before
    assert (tmp_path / hidden_data.FOLDER).stat().st_mode & 0o777 == 0o700


def test_nothing_is_made_where_nothing_is_needed(computed, tmp_path):
    assert list(hidden_data.prepare([small_course.source()], tmp_path, KEY).iterdir()) == []
    assert computed == []


def pixels_in(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.jpg")}


def test_same_key_draws_the_same_images_and_another_one_others(computed, tmp_path):
    drawn = []
    for name, key in [("first", KEY), ("again", KEY), ("other", OTHER)]:
        folder = prepare(tmp_path / name, "03_feature_extractor", key=key)
        drawn.append(pixels_in(folder / hidden_data.PETS))
    assert drawn[0] == drawn[1]
    assert drawn[0].keys() == drawn[2].keys()
    assert not set(drawn[0].values()) & set(drawn[2].values())


def test_hidden_data_are_made_anew_when_anything_they_depend_on_changes(monkeypatch, tmp_path):
    names = [hidden_data.name_of(KEY), hidden_data.name_of(OTHER)]
    assert hidden_data.name_of(KEY) == names[0]
    changed = tmp_path / "reference_data.py"
    changed.write_text("# other arrays\n")
    with monkeypatch.context() as patch:
        patch.setattr(hidden_data.reference_data, "__file__", str(changed))
        names.append(hidden_data.name_of(KEY))
    with monkeypatch.context() as patch:
        patch.setattr(hidden_data, "drawing_code", lambda dataset: "other drawings")
        names.append(hidden_data.name_of(KEY))
    monkeypatch.setenv("COURSE_EDITION", "photo")
    names.append(hidden_data.name_of(KEY))
    monkeypatch.setenv("COURSE_INPUT_SIZE", "160")
    names.append(hidden_data.name_of(KEY))
    assert len(set(names)) == len(names)


def photographs(folder, monkeypatch):
    """Write a photo edition with few photographs; three signers, one of them without a nine."""
    monkeypatch.setenv("COURSE_EDITION", "photo")
    monkeypatch.setenv("COURSE_DATA", str(folder))
    rng = np.random.default_rng(0)
    names = [
        f"{hidden_data.PETS}/{split}/{pet}/{i}.jpg"
        for split in SPLITS
        for pet in ("cat", "dog")
        for i in range(2)
    ]
    shots = [(signer, sign) for signer in range(3) for sign in range(10)][:-1]
    names += [
        f"{hidden_data.SIGNS}/{SPLITS[sign % 3]}/{sign}/IMG_{20 * signer + sign:04d}.jpg"
        for signer, sign in shots
    ]
    for name in names:
        path = folder / "photo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        low = rng.integers(0, 256, (6, 6, 3), dtype="uint8")
        Image.fromarray(low).resize((60, 48), Image.Resampling.BICUBIC).save(path)
    for dataset in (hidden_data.PETS, hidden_data.SIGNS):
        own = [name.split("/", 1)[1] for name in names if name.startswith(dataset)]
        sums = folder / "photo" / dataset / "SHA256SUMS"
        sums.write_text("".join(f"{'0' * 64}  {name}\n" for name in own))


def test_photographs_are_held_back_and_taken_again(computed, tmp_path, monkeypatch):
    photographs(tmp_path / "data", monkeypatch)
    folder = prepare(tmp_path, "03_feature_extractor", "12_final_project")
    signs = read_folder(folder / hidden_data.SIGNS)
    assert np.bincount(signs.labels).tolist() == [1] * 10, "by one who made every sign"
    known = {path.read_bytes() for path in (tmp_path / "data").rglob("*.jpg")}
    assert not known & set(pixels_in(folder).values())
    assert len(read_folder(folder / hidden_data.PETS)) == 4


def test_there_are_enough_signers_for_the_project():
    assert hidden_data.SIGNERS >= reference_data.SIGNERS


def test_only_the_photo_edition_holds_folders_back(monkeypatch):
    assert hidden_data.held_back() == ()
    monkeypatch.setenv("COURSE_EDITION", "photo")
    assert "dogs_vs_cats/train" not in hidden_data.held_back()  # exercise 12 shows them
    assert {"dogs_vs_cats/test", "sign_language_digits/train"} <= set(hidden_data.held_back())


def hash_of(image):
    """The average hash of an image, by which copies are found."""
    small = np.asarray(image.convert("L").resize((8, 8), Image.Resampling.BOX), "float32")
    return small > small.mean()


def test_photograph_taken_again_has_the_same_size_and_looks_alike_but_not_the_same(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "photograph.png"
    low = rng.integers(0, 256, (16, 16, 3), dtype="uint8")
    photograph = Image.fromarray(low).resize((120, 90), Image.Resampling.BICUBIC)
    photograph.save(path)
    again = hidden_data.retake((str(path), False, 7, 0))
    assert again.size == photograph.size
    assert again.tobytes() == hidden_data.retake((str(path), False, 7, 0)).tobytes()
    assert again.tobytes() != hidden_data.retake((str(path), False, 7, 1)).tobytes()
    assert (hash_of(again) != hash_of(photograph)).sum() > 4
    assert np.asarray(again).min(axis=2).max() > 0, "no empty corners"
    similar = np.corrcoef(np.asarray(again).ravel(), np.asarray(photograph).ravel())[0, 1]
    mirrored = np.asarray(hidden_data.retake((str(path), True, 7, 0)))[:, ::-1]
    assert similar > 0.3
    assert np.corrcoef(mirrored.ravel(), np.asarray(photograph).ravel())[0, 1] > 0.3
