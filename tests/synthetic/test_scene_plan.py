"""Which scene a plan makes, and which of its views are kept for evaluation."""

from dataclasses import replace

import pytest

from condense_ns.synthetic.near_duplicate import met_again
from condense_ns.synthetic.procedural_scene import make_scene
from condense_ns.synthetic.scene_plan import ScenePlan
from tests.synthetic.test_procedural_scene import state

PLAN = ScenePlan(7, "tabletop", views=20)


def test_every_ninth_view_is_held_out_from_the_fifth_on():
    assert [view for view in range(40) if PLAN.is_held_out(view)] == [4, 13, 22, 31]
    third = replace(PLAN, held_out_every=3)
    assert [view for view in range(9) if third.is_held_out(view)] == [1, 4, 7]


def test_names_tell_scenes_apart():
    assert PLAN.name == "tabletop_000007"
    assert [plan.name for plan in PLAN.again(2)] == [
        *("tabletop_000007_again1", "tabletop_000007_again2")
    ]
    assert PLAN.again(0) == []


def test_a_plan_makes_the_scene_of_its_seed_or_meets_it_again():
    scene = make_scene(7, "tabletop")
    assert state(PLAN.scene()) == state(scene)
    again = PLAN.again(2)[1].scene()
    assert state(again) == state(met_again(scene, 2))
    assert again.time == 2


def test_another_time_looks_from_other_places_of_the_same_size():
    scene = PLAN.scene()
    cameras, others = PLAN.cameras(scene), PLAN.again(1)[0].cameras(scene)
    assert len(cameras) == len(others) == 20
    assert (cameras[0].width, cameras[0].height) == (256, 192)
    for camera, other in zip(cameras, others, strict=True):
        assert camera.focal == other.focal
        assert camera.camera_to_world != pytest.approx(other.camera_to_world, abs=1e-3)
