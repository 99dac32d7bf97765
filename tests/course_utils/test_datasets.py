"""Listing pictures: labels, litter, what is missing, and whose hand a picture shows."""

import re
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.datasets import (
    SPLITS,
    Split,
    load_dataset,
    load_signer_split,
    load_split,
    signers_of,
)
from course_utils.editions import current_edition


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The folder of an empty pocket edition."""
    for variable in ("COURSE_EDITION", "COURSE_BACKBONE", "COURSE_MIRROR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    return tmp_path / "pocket"


@pytest.fixture
def pets(data):
    folder = data / "dogs_vs_cats" / "train"
    write(folder, "dog/b.jpg", "dog/a.jpg", "cat/c.png", "cat/ä é.jpg", "dog/Hund mit Hut.JPG")
    return folder


@pytest.fixture(scope="module")
def hands_folder(tmp_path_factory):
    """206 signers who make all ten signs, dealt out to the three splits in the real shares."""
    folder = tmp_path_factory.mktemp("hands")
    files = [f"{sign}/signer{signer:03d}_{sign}.jpg" for signer in range(206) for sign in range(10)]
    order = np.random.default_rng(3).permutation(len(files))
    for split, rows in zip(SPLITS, np.split(order, [1710, 2010]), strict=True):
        place = folder / "pocket" / "sign_language_digits" / split
        write(place, *(files[row] for row in rows))
    return folder


@pytest.fixture
def hands(data, hands_folder, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(hands_folder))


# ---------------------------------------------------------------- load_split, load_dataset


def test_split_lists_sorted_files_with_their_classes(pets):
    split = load_split("dogs_vs_cats", "train")
    assert split.class_names == ["cat", "dog"]
    names = ["cat/c.png", "cat/ä é.jpg", "dog/Hund mit Hut.JPG", "dog/a.jpg", "dog/b.jpg"]
    assert split.paths == [pets / name for name in names]
    assert split.labels.tolist() == [0, 0, 1, 1, 1]
    assert split.labels.dtype == np.int64
    assert len(split) == 5
    assert repr(split) == "<5 pictures: 2 cat, 3 dog>"


def test_dataset_has_the_books_one_hot_targets(pets):
    paths, targets = load_dataset(str(pets))
    assert [str(path) for path in load_split("dogs_vs_cats", "train").paths] == paths.tolist()
    assert isinstance(paths[0], str)
    assert targets.dtype == np.float32
    assert targets.tolist() == [[1, 0]] * 2 + [[0, 1]] * 3


def test_the_same_folder_gives_the_same_split(pets):
    first, second = (load_split("dogs_vs_cats", "train") for _ in range(2))
    assert first.paths == second.paths
    assert first.class_names == second.class_names
    np.testing.assert_array_equal(first.labels, second.labels)


def test_what_file_managers_leave_behind_is_passed_over(pets):
    before = load_split("dogs_vs_cats", "train").paths
    write(pets, ".DS_Store", "dog/.DS_Store", "dog/Thumbs.db", "cat/desktop.ini", "cat/._c.png")
    write(pets, ".ipynb_checkpoints/c.png", "notes.txt")
    (pets / "dog" / "folder").mkdir()
    assert load_split("dogs_vs_cats", "train").paths == before


def test_what_is_no_picture_is_left_for_the_loader_to_name(pets):
    write(pets, "dog/notes.txt")
    assert pets / "dog" / "notes.txt" in load_split("dogs_vs_cats", "train").paths


def test_all_empty_classes_are_named(pets):
    for name in ("emu", "fox"):
        (pets / name).mkdir()
    write(pets, "fox/.DS_Store")
    with pytest.raises(ValueError, match="no pictures for the classes emu, fox in .*train"):
        load_split("dogs_vs_cats", "train")
    write(pets, "fox/1.jpg")
    with pytest.raises(ValueError, match="no pictures for the class emu in .*train"):
        load_dataset(pets)
    write(pets, "emu/1.jpg")
    assert load_split("dogs_vs_cats", "train").class_names == ["cat", "dog", "emu", "fox"]


def test_folder_without_classes_says_what_it_needs(tmp_path):
    write(tmp_path, "a.jpg", ".hidden/a.jpg")
    with pytest.raises(ValueError, match="has no subfolders; it needs one per class"):
        load_dataset(tmp_path)


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder .*nowhere"):
        load_dataset(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("names", "allowed"),
    [
        (("cats_vs_dogs", "train"), "dogs_vs_cats, sign_language_digits"),
        (("dogs_vs_cats", "training"), "train, valid, test"),
        (("dogs_vs_cats", "../train"), "train, valid, test"),
    ],
)
def test_unknown_names_are_answered_with_the_known_ones(names, allowed, pets):
    with pytest.raises(ValueError, match=f"is not one of: {allowed}$"):
        load_split(*names)


@pytest.mark.parametrize(("edition", "verb"), [("pocket", "make"), ("photo", "fetch")])
def test_missing_split_tells_the_command_that_gets_it(edition, verb, data, monkeypatch):
    monkeypatch.setenv("COURSE_EDITION", edition)
    with pytest.raises(FileNotFoundError, match=f"course data {verb} --edition {edition}$"):
        load_split("dogs_vs_cats", "valid")


def test_half_a_download_does_not_pass_for_the_photographs(data, monkeypatch):
    monkeypatch.setenv("COURSE_EDITION", "photo")
    names = ["train/cat/1.jpg", "train/dog/2.jpg", "test/dog/3.jpg"]
    monkeypatch.setattr(
        "course_data_scripts.checksums.manifest", lambda dataset: dict.fromkeys(names, "0")
    )
    folder = data.parent / "photo" / "dogs_vs_cats"
    write(folder, *names[:2])
    with pytest.raises(FileNotFoundError, match="course data fetch"):
        load_split("dogs_vs_cats", "train")
    write(folder, names[2])
    assert len(load_split("dogs_vs_cats", "train")) == 2


# ---------------------------------------------------------------- Split.take


def test_take_keeps_files_and_labels_together(pets):
    split = load_split("dogs_vs_cats", "train")
    for rows in ([3, 0], np.array([3, 0]), slice(None, None, 3), split.labels == 1):
        taken = split.take(rows)
        chosen = np.arange(5)[rows].tolist()
        assert taken.paths == [split.paths[i] for i in chosen]
        assert taken.labels.tolist() == [split.labels[i] for i in chosen]
        assert taken.class_names == split.class_names


def test_taking_nothing_leaves_an_empty_split_with_its_classes(pets):
    nothing = load_split("dogs_vs_cats", "train").take([])
    assert (len(nothing), repr(nothing)) == (0, "<0 pictures: 0 cat, 0 dog>")
    with pytest.raises(IndexError):
        load_split("dogs_vs_cats", "train").take([5])


# ---------------------------------------------------------------- signers


def test_name_of_a_drawn_picture_tells_its_signer():
    signers = signers_of(["3/signer007_3.jpg", "0/signer112_0.jpg", "9/signer007_9.jpg"])
    assert signers.tolist() == [7, 112, 7]
    assert signers.dtype == np.int64


def photographs(people) -> tuple[list[str], list[int]]:
    """File names of people who each make some signs one after the other, and who made them.

    People are ``(numbers missing before, signs made)``.
    """
    number, names, truth = 1118, [], []
    for person, (gap, signs) in enumerate(people):
        number += gap
        for sign in sorted(signs):
            names.append(f"{sign}/IMG_{number}.JPG")
            truth.append(person)
            number += 1
    return names, truth


@settings(max_examples=100, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 30), min_size=1, max_size=12),
    missing=st.sets(st.tuples(st.integers(0, 11), st.integers(1, 8)), max_size=6),
    seed=st.integers(0, 99),
)
def test_rising_signs_in_a_row_are_one_person(gaps, missing, seed):
    # Each makes at least the signs 0 and 9, so the next one always starts lower.
    people = [
        (gap, [sign for sign in range(10) if (person, sign) not in missing])
        for person, gap in enumerate(gaps)
    ]
    names, truth = photographs(people)
    shuffled = np.random.default_rng(seed).permutation(len(names))
    found = signers_of([names[i] for i in shuffled])
    assert found.tolist() == [truth[i] for i in shuffled]


@pytest.mark.parametrize(("missing_numbers", "persons"), [(0, 1), (2, 1), (3, 2), (20, 2)])
def test_more_than_two_missing_numbers_begin_a_new_person(missing_numbers, persons):
    names, _ = photographs([(0, range(5)), (missing_numbers, range(5, 10))])
    assert len(set(signers_of(names))) == persons


def test_a_sign_that_is_made_again_begins_a_new_person():
    names, _ = photographs([(0, [0, 1, 2]), (0, [2, 3])])
    assert signers_of(names).tolist() == [0, 0, 0, 1, 1]


def test_no_pictures_have_no_signers_and_one_has_one():
    assert signers_of([]).shape == (0,)
    assert signers_of([]).dtype == np.int64
    assert signers_of(["4/IMG_1122.JPG"]).tolist() == [0]


def test_all_pictures_without_a_known_signer_are_named():
    strange = ["0/myself.jpg", "zero/IMG_1130.JPG"]
    with pytest.raises(ValueError, match=re.escape(", ".join(strange))):
        signers_of(["0/IMG_1118.JPG", *strange])


def test_signers_of_the_photographs_are_those_that_were_counted(photo_signs):
    signers = signers_of(photo_signs.paths)
    signs = [photo_signs.labels[signers == signer].tolist() for signer in np.unique(signers)]
    assert len(signs) == 222
    assert sum(sorted(made) == list(range(10)) for made in signs) == 188
    assert all(len(set(made)) == len(made) for made in signs)  # nobody makes a sign twice


@pytest.fixture(scope="module")
def photo_signs():
    from course_utils.datasets import read_folder

    mirror = current_edition().mirror
    if mirror is None:
        pytest.skip("COURSE_MIRROR is not set: the sign photographs are not here")
    parts = [read_folder(mirror / "sign_language_digits" / split) for split in SPLITS]
    paths = [path for part in parts for path in part.paths]
    return Split(paths, np.concatenate([part.labels for part in parts]), parts[0].class_names)


# ---------------------------------------------------------------- load_signer_split


@pytest.mark.parametrize("seed", range(5))
def test_nobodys_hand_is_in_two_parts(hands, seed):
    parts = load_signer_split(seed)
    people = [set(signers_of(part.paths)) for part in parts]
    assert all(one.isdisjoint(other) for one, other in combinations(people, 2))
    assert len(set.union(*people)) == 206
    everything = [path for part in parts for path in part.paths]
    assert len(everything) == len(set(everything)) == 2060
    shares = [len(part) / 2060 for part in parts]
    np.testing.assert_allclose(shares, [0.65, 0.15, 0.20], atol=0.02)
    for part in parts:
        assert part.labels.tolist() == [int(path.parent.name) for path in part.paths]
        assert part.class_names == [str(sign) for sign in range(10)]


def test_the_given_splits_do_share_signers(hands):
    """What the signer split is there against; so the test above can fail."""
    train, test = (load_split("sign_language_digits", split) for split in ("train", "test"))
    assert set(signers_of(train.paths)) & set(signers_of(test.paths))


def test_signer_split_depends_on_the_seed_alone(hands):
    first, again, other = (load_signer_split(seed) for seed in (1, 1, 2))
    assert [part.paths for part in first] == [part.paths for part in again]
    assert first[2].paths != other[2].paths


def test_signer_split_of_the_photographs(photo_signs, monkeypatch):
    rows = np.array_split(np.arange(len(photo_signs)), 3)
    parts = {name: photo_signs.take(part) for name, part in zip(SPLITS, rows, strict=True)}
    monkeypatch.setattr("course_utils.datasets.load_split", lambda dataset, split: parts[split])
    signer_of = dict(zip(photo_signs.paths, signers_of(photo_signs.paths), strict=True))
    for seed in range(5):
        divided = load_signer_split(seed)
        people = [{signer_of[path] for path in part.paths} for part in divided]
        assert all(one.isdisjoint(other) for one, other in combinations(people, 2))
        shares = [len(part) / len(photo_signs) for part in divided]
        np.testing.assert_allclose(shares, [0.65, 0.15, 0.20], atol=0.03)
