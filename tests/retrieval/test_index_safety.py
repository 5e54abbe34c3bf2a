"""Writers that meet, and writers that are killed."""

import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from condense_ns.errors import UserError
from condense_ns.retrieval import scene_index, scene_rows
from condense_ns.retrieval.scene_index import SceneIndex
from tests.retrieval.made_up_scenes import made_up_scene, seen_descriptors

ROOT = Path(__file__).parents[2]
WRITER = "tests.retrieval.index_writer"
MANY = 100_000


def writer(place: Path, first: int, count: int, *shared: str) -> subprocess.Popen:
    """A process of `index_writer` that waits for its start."""
    process = subprocess.Popen(
        [sys.executable, "-m", WRITER, str(place), str(first), str(count), *shared],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def start(process: subprocess.Popen) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def added(output: str) -> list[str]:
    """Names that a process said it had added; an unfinished last line says nothing."""
    lines = [line for line in output.splitlines(keepends=True) if line.endswith("\n")]
    return [line[len("added: ") : -1] for line in lines if line.startswith("added: ")]


def test_two_writers_at_once_lose_nothing_and_share_no_name(tmp_path):
    place = tmp_path / "index"
    processes = [writer(place, first, 6, "wanted by both") for first in (0, 100)]
    for process in processes:
        start(process)
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    index = SceneIndex.open(str(place))
    names = [name for output in outputs for name in added(output)]
    assert index.all_names() == sorted(names)
    assert names.count("wanted by both") == 1
    assert len(names) == 13
    assert sum("has a scene 'wanted by both' already" in output for output in outputs) == 1
    assert all(damage is None for _, damage in index.verify())


@pytest.mark.parametrize("ids", [("a", "b"), ("b", "a")])
def test_a_writer_that_looked_before_another_one_was_done_gives_way(tmp_path, monkeypatch, ids):
    """Whatever the ids of both rows are, the second one must see that it came second."""
    monkeypatch.setattr(
        scene_rows.uuid, "uuid4", lambda left=list(ids): SimpleNamespace(hex=left.pop(0))
    )
    place = str(tmp_path / "index")
    first = SceneIndex.open_or_create(place, made_up_scene(0))
    second = SceneIndex.open(place)
    looks = second._require_free

    def meanwhile(found):
        monkeypatch.setattr(second, "_require_free", looks)
        looks(found)
        first.add(made_up_scene(0))

    monkeypatch.setattr(second, "_require_free", meanwhile)
    with pytest.raises(UserError, match="has a scene 'scene 0' already"):
        second.add(made_up_scene(0))
    assert SceneIndex.open(place).all_names() == ["scene 0"]


def test_vector_indexes_that_are_made_at_once_disturb_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(scene_index, "VECTORS_WORTH_AN_INDEX", 100)
    place = str(tmp_path / "index")
    first = SceneIndex.open_or_create(place, made_up_scene(0))
    first.add_all([made_up_scene(seed) for seed in range(8)])
    builders = [first, SceneIndex.open(place)]
    with ThreadPoolExecutor(3) as pool:
        built = [pool.submit(index.build, True) for index in builders]
        pool.submit(SceneIndex.open(place).add, made_up_scene(8)).result()
        assert [one.result() for one in built] == [["descriptors", "regions"]] * 2
    assert len(first) == 9
    assert all(damage is None for _, damage in first.verify())
    asked = seen_descriptors(made_up_scene(8)).numpy()
    assert first.nearest("descriptors", asked, 1)[0]["name"] == "scene 8"


def kill_while_adding(place: Path, first: int, seconds: float) -> list[str]:
    """Kill -9 a writer so long after its first scene; what it had said was in."""
    process = writer(place, first, 40)
    start(process)
    assert process.stdout is not None
    begin = process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    return added(begin + process.communicate(timeout=60)[0])


def kill_often(place: Path, times: int) -> None:
    chance, acknowledged = random.Random(7), set()
    for number in range(times):
        acknowledged |= set(kill_while_adding(place, 40 * number, chance.uniform(0.0, 0.08)))
        index = SceneIndex.open(str(place))
        found = dict(index.verify())
        assert acknowledged <= found.keys()
        assert not any(found.values())
    assert len(acknowledged) < 40 * times  # some were killed before their end
    index.add(made_up_scene(MANY))
    assert f"scene {MANY}" in index.all_names()
    assert {path.name for path in place.iterdir()} == {"scenes.lance"}


def test_killed_writers_leave_whole_scenes(tmp_path):
    kill_often(tmp_path / "index", 2)


@pytest.mark.slow
def test_a_hundred_killed_writers_leave_whole_scenes(tmp_path):
    kill_often(tmp_path / "index", 100)
