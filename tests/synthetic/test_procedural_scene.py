"""Scenes of many seeds: whole, varied, and without a thing in common."""

import numpy as np
import pytest

from condense_ns.synthetic.procedural_scene import FURNISHED, make_scene
from condense_ns.synthetic.vocabulary import CLASS_NAMES

SEEDS = range(7)


@pytest.fixture(scope="module")
def scenes():
    return [make_scene(seed, kind) for seed in SEEDS for kind in FURNISHED]


def state(scene):
    """Everything about a scene but its triangles."""
    places = [(thing.instance, thing.x, thing.y, thing.z, thing.turn) for thing in scene.placed]
    return places, scene.light, scene.room, scene.focus


def test_the_same_seed_makes_the_same_scene(scenes):
    for kind, scene in zip(FURNISHED, scenes, strict=False):
        again = make_scene(0, kind)
        assert state(again) == state(scene)
        for one, other in zip(again.placed, scene.placed, strict=True):
            assert np.array_equal(one.bounds(), other.bounds())


def test_other_seeds_and_kinds_make_other_scenes_and_share_no_thing(scenes):
    identities = [instance.identity for scene in scenes for instance in scene.instances]
    assert len(set(identities)) == len(identities)
    assert len({scene.room for scene in scenes}) == len(scenes)
    assert len({scene.caption for scene in scenes}) == len(scenes)


def test_every_class_but_nothing_occurs(scenes):
    occurring = {instance.class_name for scene in scenes for instance in scene.instances}
    assert occurring == set(CLASS_NAMES[1:])
    few = {instance.class_name for scene in scenes[:4] for instance in scene.instances}
    assert len(few) >= 12


def test_a_scene_has_many_things_of_several_classes(scenes):
    for scene in scenes:
        names = [instance.class_name for instance in scene.instances]
        assert names[:3] == ["floor", "wall", "ceiling"]
        assert len(names) >= 10
        assert len(set(names)) >= 8
        assert "table" in names or scene.kind == "room"  # which may have no place for one
        assert all(instance.caption in scene.caption for instance in scene.instances[3:])


def test_things_stay_within_the_room_and_below_its_ceiling(scenes):
    for scene in scenes:
        half = np.array(scene.room[:2]) / 2
        for thing in scene.placed[3:]:
            low, high = thing.bounds()
            assert (low[:2] >= -half - 1e-6).all()
            assert (high[:2] <= half + 1e-6).all()
            assert low[2] >= -1e-6
            assert high[2] < scene.room[2]


def test_nothing_floats(scenes):
    """Whatever is not on the floor or on a wall has something right below its middle."""
    for scene in scenes:
        for thing in scene.placed[3:]:
            if thing.instance.class_name in ("picture", "clock", "pillow") or thing.z == 0.0:
                continue
            tops = [
                high[2]
                for low, high in (other.bounds() for other in scene.placed if other is not thing)
                if (low[:2] <= [thing.x, thing.y]).all() and (high[:2] >= [thing.x, thing.y]).all()
            ]
            assert np.abs(np.subtract(tops, thing.z)).min() < 2e-3


def test_solid_things_do_not_stand_in_each_other(scenes):
    """Boxes stay apart; a rug lies under things and a pillow on them."""
    for scene in scenes:
        boxes = [
            thing.bounds()
            for thing in scene.placed[3:]
            if thing.instance.class_name not in ("rug", "pillow")
        ]
        for number, box in enumerate(boxes):
            for other in boxes[:number]:
                assert not ((box[0] < other[1]).all() and (other[0] < box[1]).all())


def test_the_lamp_hangs_below_the_ceiling_and_gives_light(scenes):
    for scene in scenes:
        x, y, z = scene.light.position
        assert abs(x) < scene.room[0] / 2
        assert abs(y) < scene.room[1] / 2
        assert 0 < scene.room[2] - z < 0.5
        assert all(0.1 < value < 1 for value in (*scene.light.colour, *scene.light.ambient))


def test_the_focus_of_a_tabletop_lies_just_above_its_table(scenes):
    for scene in scenes:
        if scene.kind == "tabletop":
            table = next(t for t in scene.placed if t.instance.class_name == "table")
            assert scene.focus == (0.0, 0.0, pytest.approx(table.bounds()[1, 2] + 0.08))


def test_a_kind_that_does_not_exist_is_refused():
    with pytest.raises(Exception, match="garden"):
        make_scene(0, "garden")  # type: ignore[arg-type]
