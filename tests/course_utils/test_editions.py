"""The edition in force: what each environment variable does, and the errors for wrong ones."""

from pathlib import Path

import pytest

from course_utils import editions
from course_utils.editions import BACKBONES, MIRROR_WEIGHTS, current_edition, data_root

VARIABLES = (
    "COURSE_EDITION",
    "COURSE_BACKBONE",
    "COURSE_MIRROR",
    "COURSE_DATA",
    "COURSE_INPUT_SIZE",
)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path))
    return tmp_path


def add_weights(mirror: Path) -> None:
    (mirror / MIRROR_WEIGHTS).parent.mkdir()
    (mirror / MIRROR_WEIGHTS).touch()


def test_pocket_edition_needs_no_variable():
    edition = current_edition()
    assert (edition.name, edition.backbone, edition.mirror) == ("pocket", "minivgg", None)
    assert edition.folder == data_root() / "pocket"
    assert str(edition) == "pocket edition: drawn images, backbone minivgg"


def test_photo_edition_uses_the_networks_of_the_book(monkeypatch):
    monkeypatch.setenv("COURSE_EDITION", "photo")
    edition = current_edition()
    assert (edition.name, edition.backbone) == ("photo", "vgg16")
    assert edition.folder == data_root() / "photo"
    assert str(edition) == "photo edition: photographs, backbone vgg16"


def test_input_size_can_be_chosen(monkeypatch):
    assert current_edition().input_size == 224
    monkeypatch.setenv("COURSE_INPUT_SIZE", "160")
    assert current_edition().input_size == 160


@pytest.mark.parametrize("variable", VARIABLES)
def test_empty_variable_counts_as_unset(variable, monkeypatch):
    expected = current_edition()
    monkeypatch.setenv(variable, "")
    assert current_edition() == expected


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("COURSE_EDITION", "foto"),
        ("COURSE_EDITION", "Pocket"),
        ("COURSE_BACKBONE", "vgg19"),
        ("COURSE_INPUT_SIZE", "100"),
        ("COURSE_INPUT_SIZE", "small"),
    ],
)
def test_unknown_choice_raises_with_the_known_ones(variable, value, monkeypatch):
    monkeypatch.setenv(variable, value)
    choices = {
        "COURSE_EDITION": editions.EDITIONS,
        "COURSE_BACKBONE": BACKBONES,
        "COURSE_INPUT_SIZE": editions.INPUT_SIZES,
    }
    allowed = ", ".join(choices[variable])
    with pytest.raises(ValueError, match=f"^{variable} is '{value}'; choose one of: {allowed}$"):
        current_edition()


@pytest.mark.parametrize("edition", editions.EDITIONS)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_any_backbone_can_be_chosen_in_any_edition(edition, backbone, monkeypatch, mirror):
    add_weights(mirror)
    monkeypatch.setenv("COURSE_EDITION", edition)
    monkeypatch.setenv("COURSE_BACKBONE", backbone)
    assert (current_edition().name, current_edition().backbone) == (edition, backbone)


def test_photo_edition_follows_the_weights_of_the_mirror(monkeypatch, mirror):
    monkeypatch.setenv("COURSE_EDITION", "photo")
    assert current_edition().backbone == "vgg16"
    add_weights(mirror)
    assert current_edition().backbone == "mobilenet_v2"
    assert current_edition().mirror == mirror


def test_mirror_does_not_change_the_pocket_edition(mirror):
    add_weights(mirror)
    assert current_edition().backbone == "minivgg"


def test_mirror_that_is_not_a_folder_is_named(monkeypatch, tmp_path):
    file = tmp_path / "file"
    file.touch()
    for wrong in (file, tmp_path / "missing"):
        monkeypatch.setenv("COURSE_MIRROR", str(wrong))
        with pytest.raises(ValueError, match=f"COURSE_MIRROR points at .*{wrong.name}.*unset it"):
            current_edition()


def test_home_is_expanded_in_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("COURSE_MIRROR", "~")
    monkeypatch.setenv("COURSE_DATA", "~/images")
    assert current_edition().mirror == tmp_path
    assert current_edition().folder == tmp_path / "images" / "pocket"


def test_data_are_next_to_the_notebooks_or_else_where_python_runs(monkeypatch, tmp_path):
    package = tmp_path / "checkout" / "course_utils" / "editions.py"
    monkeypatch.setattr(editions, "__file__", str(package))
    monkeypatch.chdir(tmp_path)
    assert data_root() == tmp_path / "data"
    (tmp_path / "checkout" / "notebooks").mkdir(parents=True)
    assert data_root() == tmp_path / "checkout" / "data"
    monkeypatch.chdir(tmp_path / "checkout" / "notebooks")
    monkeypatch.setenv("COURSE_DATA", "../images")
    monkeypatch.setenv("COURSE_MIRROR", "notebooks")
    assert data_root() == tmp_path / "images"
    assert current_edition().mirror == tmp_path / "checkout" / "notebooks"
