"""The split of a folder of scenes."""

from dataclasses import asdict

import pytest
import yaml

from condense_ns.errors import UserError
from condense_ns.synthetic.scene_list import write_scene_list
from condense_ns.synthetic.scene_plan import ScenePlan


def plans_of(*seeds, times=0):
    plans = []
    for seed in seeds:
        plan = ScenePlan(seed, "room")
        plans += [plan, *plan.again(times)]
    return plans


def split(folder, plans, share):
    return yaml.safe_load(write_scene_list(folder, plans, share).read_text())


def test_the_last_seeds_are_for_testing(tmp_path):
    assert split(tmp_path, plans_of(3, 1, 2, 4), 0.25) == {
        "train": ["room_000003", "room_000001", "room_000002"],
        "test": ["room_000004"],
    }
    assert [file.name for file in tmp_path.iterdir()] == ["scenes.yaml"]


def test_a_scene_met_again_stays_on_its_side(tmp_path):
    found = split(tmp_path, plans_of(0, 1, times=2), 0.5)
    assert found["test"] == ["room_000001", "room_000001_again1", "room_000001_again2"]
    assert len(found["train"]) == 3


@pytest.mark.parametrize(("share", "tested"), [(0.0, 0), (0.2, 1), (0.5, 2), (1.0, 5)])
def test_every_scene_is_listed_once(tmp_path, share, tested):
    plans = plans_of(*range(5))
    found = split(tmp_path, plans, share)
    assert len(found["test"]) == tested
    assert sorted(found["train"] + found["test"]) == [plan.name for plan in plans]


def made(folder, *names):
    for name in names:
        (folder / name).mkdir()


def test_scenes_listed_before_stay_on_their_side(tmp_path):
    made(tmp_path, "room_000000", "room_000001")
    split(tmp_path, plans_of(0, 1), 0.5)
    assert split(tmp_path, plans_of(0, 1, 2, 3), 0.5) == {
        "train": ["room_000000", "room_000002"],
        "test": ["room_000001", "room_000003"],
    }
    assert split(tmp_path, plans_of(5), 0.0) == {
        "train": ["room_000000", "room_000005"],
        "test": ["room_000001"],
    }


def test_a_scene_met_again_later_joins_its_first_meeting(tmp_path):
    made(tmp_path, "room_000000")
    split(tmp_path, plans_of(0), 0.0)
    found = split(tmp_path, [*plans_of(0, times=1), ScenePlan(0, "tabletop")], 1.0)
    assert found == {
        "train": ["room_000000", "room_000000_again1", "tabletop_000000"],
        "test": [],
    }


def test_scenes_that_are_gone_leave_the_list(tmp_path):
    split(tmp_path, plans_of(0), 0.0)
    assert split(tmp_path, plans_of(5), 1.0) == {"train": [], "test": ["room_000005"]}


def test_what_a_user_has_listed_stays_as_it_is(tmp_path):
    made(tmp_path, "fern", "lego")
    lego = {"path": "lego", "dataparser": "blender-data"}
    own = {"train": [lego, "gone"], "val": ["fern"]}
    (tmp_path / "scenes.yaml").write_text(yaml.safe_dump(own))
    assert split(tmp_path, plans_of(3), 0.0) == {
        "train": [lego, "room_000003"],
        "test": [],
        "val": ["fern"],
    }


@pytest.mark.parametrize(
    "content", ["train: [", "- room_000000", "train: 3", "train: room", "train: [{a: b}]"]
)
def test_a_list_that_cannot_be_read_is_kept_and_named(tmp_path, content):
    file = tmp_path / "scenes.yaml"
    file.write_text(content)
    with pytest.raises(UserError, match=r"scenes\.yaml cannot be read .*; mend or remove it"):
        write_scene_list(tmp_path, plans_of(0), 0.0)
    assert file.read_text() == content


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UserError, match=r"scenes\.yaml cannot be written .*choose another"):
        write_scene_list(file, plans_of(0), 0.0)


def test_plans_are_plain_data():
    assert all(
        isinstance(value, int | str | None) for value in asdict(ScenePlan(0, "room")).values()
    )
