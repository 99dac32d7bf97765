"""The key that hidden tests are drawn from: made once, kept secret, the same for a whole class."""

import pytest

from course_admin.grading.grading_key import NAME, grading_key


def test_key_is_made_once_and_is_for_this_user_only(tmp_path):
    key = grading_key(tmp_path)
    assert grading_key(tmp_path) == key
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_every_folder_has_another_key(tmp_path):
    keys = []
    for name in "ab":
        (tmp_path / name).mkdir()
        keys.append(grading_key(tmp_path / name))
    assert keys[0].name != keys[1].name
    assert not set(keys[0].seeds) & set(keys[1].seeds)


def test_numbers_differ_by_purpose_and_do_not_betray_the_key(tmp_path):
    key = grading_key(tmp_path)
    assert len({*key.seeds, key.number("images"), key.number("name")}) == len(key.seeds) + 2
    assert max(key.seeds) > 2**100
    assert key.secret.hex() not in repr(key) + key.name


def test_damaged_key_is_an_error_that_says_what_to_do(tmp_path):
    (tmp_path / NAME).write_bytes(b"short")
    with pytest.raises(ValueError, match="grading.key is damaged. Restore it"):
        grading_key(tmp_path)


def test_interrupted_key_is_made_anew(tmp_path):
    (tmp_path / NAME).with_suffix(".part").write_bytes(b"short")
    assert len(grading_key(tmp_path).secret) == 32
