"""The store: what is committed is whole, whoever writes and however they die."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import zlib
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from condense_ns.cache.index import StoredEntry
from condense_ns.cache.store import FeatureStore, NewMap, StoreIdentity
from condense_ns.cache.store_error import StoreError

IDENTITY = StoreIdentity("fake", "ab" * 32, 5, "room")


def feature_map(seed, rows=3, columns=4, width=5):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, width, generator=generator).half().float()


def stored_map(store, entry):
    cells = store.matrix().read(entry.first_row, entry.end_row)
    return cells.float().reshape(entry.rows, entry.columns, -1)


def assert_whole(store: FeatureStore):
    """Every committed map has the bytes it was committed with, and none overlap."""
    content, end = store.matrix_file.read_bytes(), 0
    for entry in store.index.entries().values():
        assert entry.first_row == end
        end = entry.end_row
        part = content[entry.first_row * 10 : entry.end_row * 10]
        assert zlib.crc32(part) == entry.checksum


@pytest.fixture
def store(tmp_path):
    """A store with two maps of different sizes."""
    filled = FeatureStore(tmp_path / "store", IDENTITY)
    filled.append([NewMap("a", "a.png", feature_map(1))])
    filled.append([NewMap("b", "b.png", feature_map(2, 6, 2))])
    return filled


def test_maps_come_back_after_reopening(store):
    reopened = FeatureStore(store.folder, IDENTITY)
    entries = reopened.index.entries()
    checksum = zlib.crc32(feature_map(1).half().numpy().tobytes())
    assert entries["a"] == StoredEntry("a", 0, 3, 4, "a.png", checksum)
    assert entries["b"].first_row == 12
    assert torch.equal(stored_map(reopened, entries["a"]), feature_map(1))
    assert torch.equal(stored_map(reopened, entries["b"]), feature_map(2, 6, 2))


def test_a_key_that_is_stored_already_is_left_alone(store):
    before = store.matrix_file.read_bytes()
    store.append([NewMap("a", "other.png", feature_map(9, 7, 7))])
    assert store.matrix_file.read_bytes() == before
    assert store.index.entries()["a"].image == "a.png"


def test_bytes_without_an_entry_are_overwritten(store):
    with store.matrix_file.open("ab") as stream:
        stream.write(b"half a map of a killed process")
    reopened = FeatureStore(store.folder, IDENTITY)
    reopened.append([NewMap("c", "c.png", feature_map(3))])
    assert torch.equal(stored_map(reopened, reopened.index.entries()["c"]), feature_map(3))
    assert_whole(reopened)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"fingerprint": "cd" * 32}, "fingerprint"),
        ({"spec": "other"}, "spec"),
        ({"width": 6}, "width"),
    ],
)
def test_a_store_of_something_else_is_refused_and_left_alone(store, change, told):
    before = store.matrix_file.read_bytes()
    with pytest.raises(StoreError, match=rf"holds other features \({told}.*--pipeline"):
        FeatureStore(store.folder, replace(IDENTITY, **change))
    assert store.matrix_file.read_bytes() == before
    assert len(FeatureStore(store.folder, IDENTITY).index.entries()) == 2


def test_a_store_whose_scene_was_renamed_stays_usable(store):
    renamed = FeatureStore(store.folder, replace(IDENTITY, scene="garden"))
    assert list(renamed.index.entries()) == ["a", "b"]
    renamed.append([NewMap("c", "c.png", feature_map(3))])
    assert len(FeatureStore(store.folder, IDENTITY).index.entries()) == 3


def test_a_truncated_or_missing_matrix_is_refused(store):
    os.truncate(store.matrix_file, 239)
    with pytest.raises(StoreError, match=r"maps\.f16 is truncated: 239 of 240 bytes; delete"):
        FeatureStore(store.folder, IDENTITY)
    store.matrix_file.unlink()
    with pytest.raises(StoreError, match="truncated: 0 of 240 bytes"):
        FeatureStore(store.folder, IDENTITY)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be written.*--pipeline.*feature-store"):
        FeatureStore(tmp_path / "file" / "store", IDENTITY)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e5, -1e5])
def test_numbers_that_half_precision_cannot_hold_are_refused(store, number):
    spoilt = feature_map(3)
    spoilt[1, 2, 3] = number
    with pytest.raises(StoreError, match=r"fake answers NaN or numbers beyond.*c\.png"):
        store.append([NewMap("c", "c.png", spoilt)])
    assert list(store.index.entries()) == ["a", "b"]


def test_a_width_that_is_not_the_stores_is_refused(store):
    with pytest.raises(StoreError, match=r"c\.png have 6 numbers per cell.*has 5"):
        store.append([NewMap("c", "c.png", feature_map(3, width=6))])


def test_work_that_would_fill_the_disk_is_refused_beforehand(store, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, 64_000_000 + 10**9))
    store.check_space(80_000_000)  # 0.8 GB and 67 MB to spare
    with pytest.raises(StoreError, match=r"need 1\.07 GB.*1\.06 GB free.*feature-components"):
        store.check_space(100_000_000)


def test_a_disk_that_fills_up_keeps_what_was_stored(store, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match=r"disk is full.*continues where it stopped"):
            store.append([NewMap("c", "c.png", feature_map(3))])
    reopened = FeatureStore(store.folder, IDENTITY)
    assert list(reopened.index.entries()) == ["a", "b"]
    reopened.append([NewMap("c", "c.png", feature_map(3))])
    assert_whole(reopened)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_write_that_the_system_refuses_is_told(tmp_path):
    (tmp_path / "maps.f16").symlink_to("/dev/full")
    store = FeatureStore(tmp_path, IDENTITY)
    with pytest.raises(StoreError, match="disk is full"):
        store.append([NewMap("a", "a.png", feature_map(1))])
    assert store.index.entries() == {}


APPEND_FORTY = """
    # Each of two processes appends 40 maps in groups of four; half of the keys they share.
    import sys
    from pathlib import Path
    import torch
    from condense_ns.cache.store import FeatureStore, NewMap, StoreIdentity

    torch.set_num_threads(1)
    store = FeatureStore(Path(sys.argv[1]), StoreIdentity("fake", "ab" * 32, 5, "room"))
    print("ready", flush=True)
    sys.stdin.readline()
    first = int(sys.argv[2])
    for group in range(first, first + 40, 4):
        store.append([
            NewMap(str(number), f"{number}.png", torch.full((1 + number % 5, 70, 5), float(number)))
            for number in range(group, group + 4)
        ])
"""


def test_two_processes_may_append_at_once(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(APPEND_FORTY), str(tmp_path)]
    pipe = subprocess.PIPE
    workers = [
        subprocess.Popen([*command, first], stdin=pipe, stdout=pipe, text=True)
        for first in ("0", "18")
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=60)
        assert worker.returncode == 0
    store = FeatureStore(tmp_path, IDENTITY)
    entries = store.index.entries()
    assert set(entries) == {str(number) for number in range(58)}
    for key, entry in entries.items():
        assert stored_map(store, entry).shape == (1 + int(key) % 5, 70, 5)
        assert (stored_map(store, entry) == int(key)).all()
    assert_whole(store)


KILLED_AGAIN_AND_AGAIN = """
    # Children append maps of 1 MB in a loop; each is killed at a random moment.
    import os, random, signal, sys, time
    from pathlib import Path
    import torch
    from condense_ns.cache.store import FeatureStore, NewMap, StoreIdentity

    folder, moments = Path(sys.argv[1]), random.Random(0)
    torch.set_num_threads(1)

    def work():
        store = FeatureStore(folder, StoreIdentity("fake", "ab" * 32, 5, "room"))
        number = len(store.index.entries())
        while True:
            cells = torch.full((100, 1000, 5), float(number))
            store.append([NewMap(str(number), f"{number}.png", cells)])
            number += 1

    for _ in range(6):
        child = os.fork()
        if child == 0:
            work()
        time.sleep(moments.uniform(0.05, 0.3))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL, status
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills processes")
def test_a_killed_process_leaves_whole_maps_and_the_next_one_continues(tmp_path):
    script = textwrap.dedent(KILLED_AGAIN_AND_AGAIN)
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=60)
    store = FeatureStore(tmp_path, IDENTITY)
    entries = store.index.entries()
    assert len(entries) > 6, "the children were killed before they stored anything"
    assert list(entries) == [str(number) for number in range(len(entries))]
    assert_whole(store)
    for number, entry in enumerate(entries.values()):
        assert (stored_map(store, entry) == number).all()
    store.append([NewMap("after", "after.png", feature_map(1))])
    assert torch.equal(stored_map(store, store.index.entries()["after"]), feature_map(1))
