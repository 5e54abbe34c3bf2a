"""Photographs of boxes by hand, and of real scenes against a slow caster of rays."""

from dataclasses import replace

import numpy as np
import pytest

from condense_ns.synthetic.photographer import Photographer, srgb_bytes
from condense_ns.synthetic.procedural_scene import KINDS, make_scene
from condense_ns.synthetic.solids import block
from condense_ns.synthetic.surfaces import surfaces
from condense_ns.synthetic.trajectories import trajectory
from condense_ns.synthetic.vocabulary import class_number
from tests.synthetic.simple_scene import (
    AMBIENT,
    GREY,
    LAMP,
    looking_along_x,
    looking_down,
    matt,
    one,
    scene_of,
)

MIDDLE = (12, 16)
"""Row and column of the middle of a simple camera's picture."""


def photograph(scene, camera):
    return Photographer(scene).photograph(camera)


def as_bytes(linear):
    """The definition of sRGB."""
    linear = np.clip(linear, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return 255 * curved


def floor_colour(lit, ambient=1.0, albedo=GREY):
    return np.array(albedo) * (np.array(LAMP) * lit + np.array(AMBIENT) * ambient)


def test_depth_is_measured_along_the_axis():
    seen = photograph(scene_of(), looking_down(0.3, 0.2, 2.0))
    assert seen.depth == pytest.approx(2.0, abs=1e-5)  # the floor is level: one depth everywhere
    assert (seen.classes == class_number("floor")).all()
    assert (seen.instances == 1).all()
    wall = photograph(scene_of(), looking_along_x(1.5, 0.0, 1.5))
    assert wall.depth[MIDDLE] == pytest.approx(1.5, abs=1e-5)
    assert wall.classes[MIDDLE] == class_number("wall")


def test_shading_under_the_lamp_and_45_degrees_aside():
    scene = scene_of(lamp=(0.0, 0.0, 2.5))
    below = photograph(scene, looking_down(0.0, 0.0, 2.0)).rgb[MIDDLE]
    assert below == pytest.approx(as_bytes(floor_colour(1.0)), abs=1)
    aside = photograph(scene, looking_down(2.5, 0.0, 0.4)).rgb[MIDDLE]
    assert aside == pytest.approx(as_bytes(floor_colour(np.sqrt(0.5))), abs=1)
    ceiling = scene_of(lamp=(0.0, 0.0, 5.0))  # above it: nothing below is lit
    assert photograph(ceiling, looking_down(0.0, 0.0, 2.0)).rgb[MIDDLE] == pytest.approx(
        as_bytes(floor_colour(0.0)), abs=1
    )


def test_a_board_throws_a_shadow_of_the_size_that_rays_predict():
    board = one("table", block(1.0, 1.0, 0.1, z=1.0))
    seen = photograph(scene_of(board), looking_down(0.8, 0.0, 0.9, width=65, height=9))
    border = 0.5 * 2.5 / 1.4  # from the lamp at 2.5 past the upper edges at 1.1
    place = 0.8 + 0.9 * (np.arange(65) + 0.5 - 32.5) / 32.5
    row = seen.rgb[4].astype(float)
    dark = as_bytes(floor_colour(0.0))
    shadow = row[place < border - 0.02]
    assert len(shadow) > 30
    assert np.abs(shadow - dark).max() <= 1
    assert (row[place > border + 0.02] > dark + 30).all()


def test_a_highlight_shows_where_the_lamp_is_mirrored():
    plain = scene_of()
    floor, *rest = plain.placed
    shiny = replace(floor, parts=(replace(floor.parts[0], material=matt(gloss=0.2)),))
    glossy = replace(plain, placed=(shiny, *rest))
    camera = looking_down(0.0, 0.0, 2.0)
    matt_picture, shining = photograph(plain, camera).rgb, photograph(glossy, camera).rgb
    expected = as_bytes(floor_colour(1.0) + 0.2 * np.array(LAMP))
    assert shining[MIDDLE] == pytest.approx(expected, abs=1)
    assert np.abs(shining[0, 0].astype(int) - matt_picture[0, 0]).max() <= 1


def test_outlines_mix_what_they_part_and_maps_do_not():
    white = one("table", block(2.0, 4.0, 0.5, x=1.0), matt((0.9, 0.9, 0.9)))  # from x = 0 on
    scene = scene_of(white)
    scene = replace(scene, light=replace(scene.light, colour=(0.0, 0.0, 0.0)))
    seen = photograph(scene, looking_down(0.0, 0.0, 1.5))
    number = {name: class_number(name) for name in ("floor", "table")}
    assert seen.classes[12, [14, 15, 17, 18]].tolist() == [
        *(number[name] for name in ("floor", "floor", "table", "table"))
    ]
    floor, table = floor_colour(0.0), floor_colour(0.0, albedo=(0.9, 0.9, 0.9))
    assert seen.rgb[12, 16] == pytest.approx(as_bytes((floor + table) / 2), abs=1)
    assert seen.rgb[12, 14] == pytest.approx(as_bytes(floor), abs=1)
    assert seen.rgb[12, 18] == pytest.approx(as_bytes(table), abs=1)


def test_things_are_told_apart_by_their_place_in_the_list():
    left = one("mug", block(0.5, 0.5, 0.5), x=-0.5)
    right = one("mug", block(0.5, 0.5, 0.5), x=0.5)
    seen = photograph(scene_of(left, right), looking_down(0.0, 0.0, 2.0))
    assert set(np.unique(seen.instances[:, :16])) == {1, 4}
    assert set(np.unique(seen.instances[:, 17:])) == {1, 5}
    mugs = seen.classes == class_number("mug")
    assert np.array_equal(mugs, seen.instances > 3)
    assert seen.depth[mugs].min() == pytest.approx(1.5, abs=1e-5)


def test_where_nothing_is_seen_everything_is_zero():
    outside = photograph(scene_of(), looking_along_x(10.0, 0.0, 1.0))
    for pixels in (outside.rgb, outside.depth, outside.classes, outside.instances):
        assert not pixels.any()
    wall = photograph(scene_of(), looking_along_x(-5.0, 0.0, 1.0))
    assert {0, 1, 2, 3} >= set(np.unique(wall.instances)) >= {0, 2}


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_a_slow_caster_of_rays(kind):
    scene = make_scene(5, kind)
    camera = trajectory(scene, "orbit", 3, 64, 48, 0)[1]
    seen = photograph(scene, camera)
    tables = surfaces(scene)
    rng = np.random.default_rng(0)
    for row, column in zip(rng.integers(48, size=25), rng.integers(64, size=25), strict=True):
        way = [(column + 0.5 - 32) / camera.focal, (24 - row - 0.5) / camera.focal, -1.0]
        depth, triangle = nearest(
            tables.corners, camera.camera_to_world[:, 3], camera.camera_to_world[:, :3] @ way
        )
        assert seen.depth[row, column] == pytest.approx(depth, abs=2e-4)
        part = tables.part[triangle]
        assert seen.classes[row, column] == tables.class_id[part]
        assert seen.instances[row, column] == tables.instance[part]


def nearest(corners, origin, way):
    """Length of the way to the nearest triangle, in multiples of `way`, and its number."""
    corners = corners.astype(np.float64)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(way, second)
    size = np.einsum("ij,ij->i", first, across)
    size = np.where(np.abs(size) < 1e-12, np.nan, size)
    start = origin - corners[:, 0]
    u = np.einsum("ij,ij->i", start, across) / size
    turned = np.cross(start, first)
    v = turned @ np.asarray(way) / size
    length = np.einsum("ij,ij->i", second, turned) / size
    hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (length > 1e-6)
    length = np.where(hit, length, np.inf)
    return length.min(), int(length.argmin())


@pytest.mark.parametrize("kind", KINDS)
def test_a_room_has_no_holes_and_the_same_pixels_every_time(kind):
    scene = make_scene(6, kind)
    camera = trajectory(scene, "walk", 4, 96, 72, 0)[2]
    first, again = photograph(scene, camera), photograph(scene, camera)
    assert (first.classes > 0).all()
    assert (first.instances > 0).all()
    assert first.depth.min() > 0.1
    for name in ("rgb", "depth", "classes", "instances"):
        assert np.array_equal(getattr(first, name), getattr(again, name))


def test_srgb_of_some_levels():
    levels = np.linspace(-0.2, 1.5, 60, dtype=np.float32)
    found = srgb_bytes(np.repeat(levels[:, None], 3, axis=1))
    assert found == pytest.approx(np.repeat(as_bytes(levels)[:, None], 3, axis=1), abs=1.3)
    assert srgb_bytes(np.zeros((0, 3), np.float32)).shape == (0, 3)
