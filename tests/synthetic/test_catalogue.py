"""Things of every class: where they stand, how large they are, what they are called."""

import numpy as np
import pytest
import trimesh

from condense_ns.synthetic.catalogue import CATALOGUE, thing

SEEDS = range(6)
HEIGHTS = {  # metres, least and most
    "chair": (0.75, 1.2),
    "stool": (0.35, 0.75),
    "table": (0.65, 0.8),
    "shelf": (0.95, 1.95),
    "lamp": (1.3, 2.1),
    "mug": (0.08, 0.13),
    "bottle": (0.2, 0.4),
    "vase": (0.2, 0.4),
    "book": (0.02, 0.15),
    "ball": (0.17, 0.31),
}


def boxes(class_name):
    return np.stack([thing((seed, 0, 1), class_name).bounds() for seed in SEEDS])


@pytest.mark.parametrize("class_name", CATALOGUE)
def test_a_thing_stands_on_the_ground_or_hangs_on_a_wall(class_name):
    low = boxes(class_name)[:, 0]
    if CATALOGUE[class_name].place == "wall":
        assert low[:, 1] == pytest.approx(0, abs=1e-6)  # its back
    else:
        assert low[:, 2] == pytest.approx(0, abs=0.015)


@pytest.mark.parametrize("class_name", CATALOGUE)
def test_the_same_seed_makes_the_same_thing_and_others_vary(class_name):
    first, again, other = (thing(seed, class_name) for seed in ((1, 0, 2), (1, 0, 2), (1, 0, 3)))
    assert first.instance == again.instance
    assert np.array_equal(first.bounds(), again.bounds())
    assert [part.material for part in first.parts] == [part.material for part in again.parts]
    assert first.instance.identity != other.instance.identity
    assert not np.array_equal(first.bounds(), other.bounds())


@pytest.mark.parametrize("class_name", CATALOGUE)
def test_colour_and_pattern_are_those_of_the_kind(class_name):
    kind = CATALOGUE[class_name]
    for seed in SEEDS:
        made = thing((seed, 1, 1), class_name)
        assert made.instance.class_name == class_name
        assert made.instance.colour in kind.colours
        patterns = {part.material.pattern for part in made.parts}
        assert made.instance.pattern in kind.patterns
        assert made.instance.pattern in patterns


@pytest.mark.parametrize("class_name", CATALOGUE)
def test_every_part_has_triangles_and_faces_outwards(class_name):
    for part in thing((0, 0, 1), class_name).parts:
        corners = part.solid.corners.reshape(-1, 3)
        mesh = trimesh.Trimesh(corners, np.arange(len(corners)).reshape(-1, 3), process=False)
        assert mesh.area_faces.min() > 0
        assert mesh.volume > 0


@pytest.mark.parametrize("class_name", HEIGHTS)
def test_things_have_the_size_that_one_knows(class_name):
    least, most = HEIGHTS[class_name]
    heights = np.ptp(boxes(class_name)[..., 2], axis=1)
    assert heights.min() >= least
    assert heights.max() <= most


def test_a_bowl_is_wider_than_high_and_a_sofa_wider_than_deep():
    bowl, sofa = (np.ptp(boxes(name), axis=1) for name in ("bowl", "sofa"))
    assert (bowl[:, 0] > bowl[:, 2]).all()
    assert (sofa[:, 0] > sofa[:, 1]).all()


def test_a_class_that_is_not_built_is_refused():
    with pytest.raises(KeyError, match="wall"):
        thing((0, 0, 1), "wall")
