"""The index: whole entries or none, one writer, readable errors."""

import pytest

from condense_ns.cache import index as index_module
from condense_ns.cache.index import StoredEntry, StoreIndex, end_row, insert
from condense_ns.cache.store_error import StoreError

FIRST = StoredEntry("k1", 0, 2, 3, "a.png", 11)
SECOND = StoredEntry("k0", 6, 4, 5, "b.png", 2**32 - 1)


@pytest.fixture
def index(tmp_path):
    created = StoreIndex(tmp_path / "index.sqlite")
    created.create({"format": "1", "scene": "room"})
    return created


def test_entries_come_back_in_the_order_of_their_rows(index):
    with index.locked() as database:
        assert end_row(database) == 0
        insert(database, FIRST)
        insert(database, SECOND)
        assert end_row(database) == 26
    assert FIRST.end_row == 6
    assert list(index.entries().items()) == [("k1", FIRST), ("k0", SECOND)]


def test_an_exception_undoes_what_was_inserted(index):
    def fail_after_insert():
        with index.locked() as database:
            insert(database, FIRST)
            raise KeyError("stop")

    with pytest.raises(KeyError):
        fail_after_insert()
    assert index.entries() == {}
    with index.locked() as database:  # and the lock is free again
        insert(database, SECOND)
    assert list(index.entries()) == ["k0"]


def test_readers_see_nothing_before_the_writer_is_done(index):
    with index.locked() as database:
        insert(database, FIRST)
        assert index.entries() == {}
    assert list(index.entries()) == ["k1"]


def test_the_first_header_stays(index, tmp_path):
    index.create({"format": "2", "scene": "garden"})
    assert index.header() == {"format": "1", "scene": "room"}
    assert StoreIndex(tmp_path / "never created.sqlite").header() == {}


def test_a_second_writer_is_told_who_waits_for_what(index, monkeypatch):
    monkeypatch.setattr(index_module, "LOCK_SECONDS", 0.05)
    told = "another process has been writing"
    with index.locked(), pytest.raises(StoreError, match=told), index.locked():
        pass


def test_the_same_key_or_row_cannot_be_inserted_twice(index):
    with index.locked() as database:
        insert(database, FIRST)
    for twin in (StoredEntry("k1", 6, 1, 1, "", 0), StoredEntry("k2", 0, 1, 1, "", 0)):
        with pytest.raises(StoreError, match="UNIQUE"), index.locked() as database:
            insert(database, twin)


def test_a_damaged_file_is_named_with_its_remedy(tmp_path):
    path = tmp_path / "index.sqlite"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match=r"index\.sqlite is damaged.*delete the folder.*run again"):
        StoreIndex(path).entries()


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        StoreIndex(tmp_path / "nowhere" / "index.sqlite").create({})
