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


def test_a_list_is_replaced_as_a_whole(tmp_path):
    split(tmp_path, plans_of(0), 0.0)
    assert split(tmp_path, plans_of(5), 1.0) == {"train": [], "test": ["room_000005"]}


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UserError, match=r"scenes\.yaml cannot be written .*choose another"):
        write_scene_list(file, plans_of(0), 0.0)


def test_plans_are_plain_data():
    assert all(
        isinstance(value, int | str | None) for value in asdict(ScenePlan(0, "room")).values()
    )
