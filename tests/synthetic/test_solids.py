"""Volumes by hand; every solid is closed, faces outwards and stands where it should."""

import numpy as np
import pytest
import trimesh

from condense_ns.synthetic.solids import ball, block, cushion, lathe, ring, rod

SOLIDS = {
    "block": block(0.3, 0.2, 0.5),
    "cushion": cushion(0.4, 0.4, 0.2),
    "rod": rod(0.1, 0.6),
    "cone": rod(0.2, 0.3, top=0.05),
    "ball": ball(0.15),
    "ring": ring(0.3, 0.05),
    "bowl": lathe([(0.05, 0.0), (0.1, 0.1), (0.09, 0.1), (0.04, 0.02)]),
    "spinning top": lathe([(0.0, 0.0), (0.1, 0.1), (0.0, 0.2)]),
}


def mesh_of(solid):
    """The triangles with corners at the same place joined, as a mesh that knows its volume."""
    corners = solid.corners.reshape(-1, 3).round(7)
    return trimesh.Trimesh(corners, np.arange(len(corners)).reshape(-1, 3), process=True)


def polygon_area(radius, sections):
    return sections / 2 * np.sin(2 * np.pi / sections) * radius**2


@pytest.mark.parametrize("name", SOLIDS)
def test_a_solid_is_closed_and_faces_outwards(name):
    mesh = mesh_of(SOLIDS[name])
    assert mesh.is_watertight
    assert mesh.volume > 0


@pytest.mark.parametrize("name", SOLIDS)
def test_normals_have_unit_length_and_lean_outwards(name):
    solid = SOLIDS[name]
    edges = solid.corners[:, 1:] - solid.corners[:, :1]
    facing = np.cross(edges[:, 0], edges[:, 1])
    facing /= np.linalg.norm(facing, axis=1, keepdims=True)
    assert np.linalg.norm(solid.normals, axis=2) == pytest.approx(1, abs=1e-6)
    assert np.einsum("tci,ti->tc", solid.normals, facing).min() > 0.5


@pytest.mark.parametrize(
    ("name", "volume", "tolerance"),
    [
        ("block", 0.3 * 0.2 * 0.5, 1e-7),
        ("rod", polygon_area(0.1, 20) * 0.6, 1e-7),
        ("cone", polygon_area(1, 20) * 0.3 / 3 * (0.2**2 + 0.2 * 0.05 + 0.05**2), 1e-7),
        ("ball", 4 / 3 * np.pi * 0.15**3, 2e-4),
        ("ring", polygon_area(0.05, 10) * 0.3 * 24 * np.sin(2 * np.pi / 24), 1e-7),
        ("spinning top", polygon_area(0.1, 32) * 0.2 / 3, 1e-7),
    ],
)
def test_volumes_by_hand(name, volume, tolerance):
    assert mesh_of(SOLIDS[name]).volume == pytest.approx(volume, abs=tolerance)


def test_a_cushion_lies_between_its_box_and_an_ellipsoid():
    volume = mesh_of(SOLIDS["cushion"]).volume
    assert 0.4 * 0.4 * 0.2 * np.pi / 6 < volume < 0.4 * 0.4 * 0.2
    assert np.ptp(SOLIDS["cushion"].points, axis=0) == pytest.approx([0.4, 0.4, 0.2], abs=1e-6)


@pytest.mark.parametrize(
    "solid",
    [
        block(1.0, 1.0, 1.0, 2.0, 3.0, 4.0),
        cushion(1.0, 1.0, 1.0, 2.0, 3.0, 4.0),
        ball(0.5, 2.0, 3.0, 4.0),
        rod(0.5, 1.0, 2.0, 3.0, 4.0),
    ],
)
def test_a_solid_stands_on_its_height_over_its_place(solid):
    low, high = solid.points.min(axis=0), solid.points.max(axis=0)
    assert low[2] == pytest.approx(4)
    assert high[2] == pytest.approx(5)
    assert (low + high)[:2] / 2 == pytest.approx([2, 3])


def test_a_quarter_turn_takes_x_to_y_before_the_move():
    turned = block(0.4, 0.2, 0.6, x=1.0).moved(x=5.0, z=2.0, turn=np.pi / 2)
    assert turned.points.min(axis=0) == pytest.approx([4.9, 0.8, 2.0])
    assert turned.points.max(axis=0) == pytest.approx([5.1, 1.2, 2.6])


def test_tilting_turns_normals_too():
    lying = rod(0.1, 1.0).tilted((0.0, 1.0, 0.0), np.pi / 2)
    assert lying.points.max(axis=0) == pytest.approx([1.0, 0.1, 0.1], abs=1e-6)
    top = np.isclose(lying.corners[..., 0], 1.0).all(axis=1)
    assert lying.normals[top] == pytest.approx(np.broadcast_to([1.0, 0, 0], (top.sum(), 3, 3)))


def test_moving_back_is_the_identity():
    solid = SOLIDS["bowl"]
    there = solid.moved(turn=1.2).moved(x=1.0, y=-2.0, z=3.0)
    back = there.moved(x=-1.0, y=2.0, z=-3.0).moved(turn=-1.2)
    assert back.corners == pytest.approx(solid.corners)
    assert back.normals == pytest.approx(solid.normals)
