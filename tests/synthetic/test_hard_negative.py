"""Another scene in the same clothes."""

from condense_ns.synthetic.catalogue import CATALOGUE
from condense_ns.synthetic.hard_negative import dressed_as
from condense_ns.synthetic.procedural_scene import make_scene
from condense_ns.synthetic.scene_plan import ScenePlan


def test_the_room_looks_like_the_other_one_and_the_things_stay():
    own, other = make_scene(5, "room"), make_scene(8, "room")
    dressed = dressed_as(own, other)
    looks = {placed.instance.class_name: placed for placed in other.placed}
    assert dressed.room == own.room
    covered = 0
    for before, after in zip(own.placed, dressed.placed, strict=True):
        name = before.instance.class_name
        if name in CATALOGUE or name not in looks:
            assert after is before
            continue
        covered += 1
        assert after.parts[0].material == looks[name].parts[0].material
        assert after.parts[0].solid is before.parts[0].solid
        assert after.instance.caption == looks[name].instance.caption
        assert after.instance.identity == before.instance.identity
    assert covered >= 3


def test_the_plan_dresses_and_tells_it_in_the_name():
    dressed = ScenePlan(5, "room", dressed_as=8).scene()
    expected = dressed_as(make_scene(5, "room"), make_scene(8, "room"))
    assert dressed.caption == expected.caption
    captions = [placed.instance.caption for placed in dressed.placed]
    assert captions == [placed.instance.caption for placed in expected.placed]
    assert ScenePlan(5, "room", dressed_as=8).name == "room_000005_as000008"
