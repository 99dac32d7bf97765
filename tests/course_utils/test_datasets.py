"""Listing images: labels, litter, what is missing, and whose hand an image shows."""

import hashlib
import http.server
import io
import re
import socket
import threading
import unicodedata
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import datasets
from course_utils.datasets import (
    SPLITS,
    Split,
    load_dataset,
    load_public,
    load_signer_split,
    load_split,
    signers_of,
)
from course_utils.editions import current_edition


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def record(dataset):
    """Write the list of checksums that a complete dataset has."""
    files = [path for path in sorted(dataset.rglob("*")) if path.is_file()]
    lines = [f"{'0' * 64}  {path.relative_to(dataset).as_posix()}\n" for path in files]
    (dataset / "SHA256SUMS").write_text(f"# {len(lines)} files\n{''.join(lines)}", "utf-8")


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
    record(data / "dogs_vs_cats")
    return folder


@pytest.fixture(scope="module")
def hands_folder(tmp_path_factory):
    """206 signers who make all ten signs, divided into three splits of the real sizes."""
    folder = tmp_path_factory.mktemp("hands")
    files = [f"{sign}/signer{signer:03d}_{sign}.jpg" for signer in range(206) for sign in range(10)]
    order = np.random.default_rng(3).permutation(len(files))
    for split, rows in zip(SPLITS, np.split(order, [1710, 2010]), strict=True):
        place = folder / "pocket" / "sign_language_digits" / split
        write(place, *(files[row] for row in rows))
    record(folder / "pocket" / "sign_language_digits")
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
    assert repr(split) == "<5 images: 2 cat, 3 dog>"


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


def test_what_file_managers_leave_behind_is_ignored(pets):
    before = load_split("dogs_vs_cats", "train").paths
    write(pets, ".DS_Store", "dog/.DS_Store", "dog/Thumbs.db", "cat/desktop.ini", "cat/._c.png")
    write(pets, ".ipynb_checkpoints/c.png", "notes.txt")
    write(pets, "__MACOSX/dog/._a.jpg", "dog/__MACOSX/._a.jpg", "dog/empty/.DS_Store")
    assert load_split("dogs_vs_cats", "train").paths == before


def test_other_files_are_left_for_the_loader_to_name(tmp_path):
    write(tmp_path, "dog/notes.txt")
    assert load_dataset(tmp_path)[0].tolist() == [str(tmp_path / "dog" / "notes.txt")]


def test_all_empty_classes_are_named(tmp_path):
    write(tmp_path, "cat/1.jpg", "emu/.DS_Store", "fox/Thumbs.db")
    with pytest.raises(ValueError, match="no images for the classes emu, fox in "):
        load_dataset(tmp_path)
    write(tmp_path, "fox/1.jpg")
    with pytest.raises(ValueError, match="no images for the class emu in "):
        load_dataset(tmp_path)
    write(tmp_path, "emu/1.jpg")
    assert load_dataset(tmp_path)[1].shape == (3, 3)


def test_images_in_folders_within_a_class_are_named(tmp_path):
    write(tmp_path, "cat/1.jpg", "dog/1.jpg", "dog/more/deep/2.jpg")
    with pytest.raises(ValueError, match=r"found folders \(dog.more\); move the images up"):
        load_dataset(tmp_path)


def test_the_folder_of_all_splits_is_not_taken_for_one(pets):
    with pytest.raises(ValueError, match="these are splits: pass one of them, for example .*train"):
        load_dataset(pets.parent)


def test_a_class_is_one_however_its_name_is_stored(tmp_path):
    one, two = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    write(
        tmp_path, f"train/{one}/1.jpg", "train/caff/1.jpg", f"test/{two}/1.jpg", "test/caff/1.jpg"
    )
    train, test = (datasets.read_folder(tmp_path / split) for split in ("train", "test"))
    assert train.class_names == test.class_names == ["caff", one]
    assert test.paths[1] == tmp_path / "test" / two / "1.jpg"
    write(tmp_path, f"train/{two}/1.jpg")
    if len(list((tmp_path / "train").iterdir())) == 3:  # macOS takes the names for the same
        with pytest.raises(ValueError, match=f"two folders each in .*train for {one}: merge them"):
            load_dataset(tmp_path / "train")


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


@pytest.mark.parametrize("edition", ["pocket", "photo"])
def test_a_split_with_missing_images_is_not_used(edition, data, monkeypatch):
    monkeypatch.setenv("COURSE_EDITION", edition)
    folder = data.parent / edition / "dogs_vs_cats"
    names = [
        f"{split}/{pet}/{i}.jpg" for split in SPLITS for pet in ("cat", "dog") for i in range(4)
    ]
    write(folder, *names)
    with pytest.raises(FileNotFoundError, match=f"course data .* --edition {edition}$"):
        load_split("dogs_vs_cats", "train")  # not complete: there is no list yet
    record(folder)
    (folder / names[0]).unlink()
    assert len(load_split("dogs_vs_cats", "test")) == 8
    with pytest.raises(FileNotFoundError, match=r"1 of 8 images .*\(train/cat/0.jpg\); get them"):
        load_split("dogs_vs_cats", "train")
    for name in names[1:8]:
        (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"8 of 8 .*train/cat/2.jpg and 5 more\)"):
        load_split("dogs_vs_cats", "train")


def test_files_that_are_not_part_of_the_dataset_are_named(pets):
    write(pets, "cat/mine.jpg", "emu/1.jpg")
    message = (
        r"not part of the dataset in .*\(train/cat/mine.jpg, train/emu/1.jpg\); move or delete"
    )
    with pytest.raises(ValueError, match=message):
        load_split("dogs_vs_cats", "train")


@pytest.mark.parametrize("content", [b"", b"\x80\xff", None, b"cut"])
def test_a_damaged_list_of_checksums_tells_the_command(content, pets):
    sums = pets.parent / "SHA256SUMS"
    lines = sums.read_bytes().splitlines(keepends=True)
    sums.unlink()
    if content == b"cut":
        sums.write_bytes(b"".join(lines[:-1]))
    elif content is None:
        sums.mkdir()
    else:
        sums.write_bytes(content)
    with pytest.raises(FileNotFoundError, match="images are missing in .*course data make"):
        load_split("dogs_vs_cats", "train")


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
    assert (len(nothing), repr(nothing)) == (0, "<0 images: 0 cat, 0 dog>")
    with pytest.raises(IndexError):
        load_split("dogs_vs_cats", "train").take([5])


# ---------------------------------------------------------------- signers


def test_name_of_a_drawn_image_holds_its_signer():
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


def test_no_images_have_no_signers_and_one_has_one():
    assert signers_of([]).shape == (0,)
    assert signers_of([]).dtype == np.int64
    assert signers_of(["4/IMG_1122.JPG"]).tolist() == [0]


def test_all_images_without_a_known_signer_are_named():
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
def test_no_signer_is_in_two_parts(hands, seed):
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


# ---------------------------------------------------------------- load_public


def as_npz() -> bytes:
    """A small file in the format of Keras' mnist.npz, with black images."""
    parts = {}
    for part, count in (("train", 60), ("test", 20)):
        parts[f"x_{part}"] = np.zeros((count, 28, 28), "uint8")
        parts[f"y_{part}"] = (np.arange(count) % 10).astype("uint8")
    file = io.BytesIO()
    np.savez_compressed(file, **parts)
    return file.getvalue()


@pytest.fixture
def empty_keras_home(tmp_path, monkeypatch):
    """A place for downloads in which there is nothing yet."""
    from keras.src.utils import file_utils

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    real = file_utils.get_file

    def get_file(*arguments, **settings):
        return real(*arguments, **{**settings, "cache_dir": str(tmp_path)})

    monkeypatch.setattr(file_utils, "get_file", get_file)
    for name in ("mnist", "fashion_mnist"):
        monkeypatch.setattr(f"keras.src.datasets.{name}.get_file", get_file)
    return tmp_path


@pytest.fixture
def served(monkeypatch, empty_keras_home):
    """Let Keras fetch mnist.npz from a server here, which gives `served.content`."""
    from keras.src.datasets import mnist

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked += 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(server.content)))
            self.end_headers()
            if server.stall:
                server.released.wait(10)
            else:
                self.wfile.write(server.content)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.stall, server.asked = as_npz(), False, 0
    server.released, server.expected = threading.Event(), None
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    get_file = mnist.get_file

    def from_here(fname, origin, file_hash):
        own = hashlib.sha256(server.content).hexdigest()
        address = f"http://127.0.0.1:{server.server_port}/{fname}"
        return get_file(fname, address, file_hash=server.expected or own)

    monkeypatch.setattr(mnist, "get_file", from_here)
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def no_network(monkeypatch):
    """Send all requests to a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{port}")
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)


def test_loads_once_and_then_from_disk(served):
    (x_train, y_train), (x_test, y_test) = load_public("mnist")
    assert (x_train.shape, x_test.shape) == ((60, 28, 28), (20, 28, 28))
    assert (y_train.shape, y_test.shape) == ((60,), (20,))
    load_public("mnist")
    assert served.asked == 1


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_without_network_says_what_to_do(no_network, name, empty_keras_home):
    with pytest.raises(ConnectionError) as caught:
        load_public(name)
    message = str(caught.value)
    assert f"{name} is not on this machine and could not be downloaded" in message
    assert "Connect to the internet once" in message


def test_a_file_with_another_sum_is_refused(served):
    served.expected = "0" * 64
    with pytest.raises(ConnectionError, match="hash does not match"):
        load_public("mnist")


def test_a_stalled_server_is_given_up(served, monkeypatch):
    monkeypatch.setattr(datasets, "_STALL_SECONDS", 0.3)
    served.stall = True
    with pytest.raises(ConnectionError, match="timed out"):
        load_public("mnist")
    assert socket.getdefaulttimeout() is None


def test_unknown_name_names_the_known_ones():
    with pytest.raises(ValueError, match="choose one of: mnist, fashion_mnist"):
        load_public("imagenet")


def test_a_login_page_in_place_of_a_file_is_not_a_dataset(monkeypatch, tmp_path):
    page = tmp_path / "page"
    page.write_text("<html>Please log in</html>")
    monkeypatch.setattr("keras.src.datasets.fashion_mnist.get_file", lambda *a, **k: str(page))
    with pytest.raises(ConnectionError, match=r"(?i)not a gzipped file.*damaged, delete"):
        load_public("fashion_mnist")
