"""Entries are checked when they are read, replaced when damaged, and removed above the limit."""

import os
import time

import numpy as np
import pytest

from course_utils.plumbing import feature_cache
from course_utils.plumbing.feature_cache import cache_folder, clean_cache, load, store

ROWS = np.arange(12, dtype="float32").reshape(4, 3)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))


def put(name: str = "rows", rows: np.ndarray = ROWS):
    store(name, np.array_split(rows, 2), rows.shape)
    (entry,) = cache_folder().glob(f"{name}-*.npy")
    return entry


def test_what_is_stored_is_loaded_as_a_memory_map():
    assert load("rows") is None
    stored = store("rows", [ROWS[:3], ROWS[3:]], (4, 3))
    for rows in (stored, load("rows")):
        assert isinstance(rows, np.memmap)
        np.testing.assert_array_equal(rows, ROWS)
    assert load("row") is None
    assert load("rows-1") is None


def flip_a_bit(entry):
    content = bytearray(entry.read_bytes())
    content[-3] ^= 1
    entry.write_bytes(content)


def make_it_a_folder(entry):
    entry.unlink()
    (entry / "inside").mkdir(parents=True)


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_bit,
        make_it_a_folder,
        lambda entry: entry.write_bytes(entry.read_bytes()[:100]),
        lambda entry: entry.write_bytes(b""),
        lambda entry: entry.write_bytes(bytes(entry.stat().st_size)),
        lambda entry: np.save(entry, np.ones((4, 3), "float32")),
    ],
    ids=["bit", "folder", "truncated", "empty", "zeros", "another array"],
)
def test_damage_of_any_kind_is_noticed_and_removed(damage):
    entry = put()
    damage(entry)
    with pytest.warns(UserWarning, match="rows-.*npy are damaged: they are computed again"):
        assert load("rows") is None
    assert not entry.exists()
    put()
    np.testing.assert_array_equal(load("rows"), ROWS)


def test_above_the_limit_the_least_recently_used_goes_and_stays_readable(monkeypatch):
    size = put("a").stat().st_size
    monkeypatch.setattr(feature_cache, "CACHE_BYTES", 3 * size)
    mapped = load("a")
    entries = [put(name) for name in ("a", "b", "c")]
    for age, entry in zip((30, 20, 10), entries, strict=True):
        os.utime(entry, (time.time() - age,) * 2)
    load("a")  # no longer the oldest
    put("d")
    assert [load(name) is not None for name in "abcd"] == [True, False, True, True]
    os.utime(entries[0], (0, 0))
    put("e")
    assert load("a") is None
    np.testing.assert_array_equal(mapped, ROWS)


def test_one_entry_above_the_limit_is_kept(monkeypatch):
    monkeypatch.setattr(feature_cache, "CACHE_BYTES", 10)
    put("a")
    put("b")
    assert load("a") is None and load("b") is not None


def test_remains_of_killed_writers_are_removed_and_running_ones_left():
    cache_folder().mkdir(parents=True)
    abandoned, running = (cache_folder() / f".{name}.unfinished" for name in "ab")
    for file in (abandoned, running):
        file.write_bytes(b"123")
    os.utime(abandoned, (time.time() - 2 * 3600,) * 2)
    put()
    assert not abandoned.exists() and running.exists()


def test_cleaning_says_how_much_it_freed():
    assert clean_cache() == 0
    size = put("a").stat().st_size + put("b").stat().st_size
    abandoned = cache_folder() / ".c.unfinished"
    abandoned.write_bytes(b"123")
    os.utime(abandoned, (0, 0))
    assert clean_cache() == size + 3
    assert list(cache_folder().iterdir()) == []
    assert load("a") is None


def test_entries_can_be_read_by_others():
    """The grader's sandbox reads them as another user."""
    umask = os.umask(0o022)
    try:
        assert put().stat().st_mode & 0o444 == 0o444
    finally:
        os.umask(umask)
