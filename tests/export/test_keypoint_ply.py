"""The PLY of a keypoint set shows positions, normals, colours and what is known of each point."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh
from plyfile import PlyData

from condense_ns.errors import UserError
from condense_ns.export.keypoint_ply import write_keypoint_ply
from condense_ns.keypoints.keypoint_set import Observations
from tests.keypoints.made_up_set import made_up_keypoints


def written(path, keypoints):
    write_keypoint_ply(path, keypoints)
    return PlyData.read(str(path))["vertex"].data


def test_every_property_comes_back_under_its_name(tmp_path):
    keypoints = made_up_keypoints()
    data = written(tmp_path / "new folder" / "keypoints.ply", keypoints)
    assert data.dtype.names == (
        *("x", "y", "z", "nx", "ny", "nz", "red", "green", "blue", "quality"),
        *("scalar_score", "scalar_uncertainty", "scalar_scale", "scalar_views"),
    )
    assert data["x"].dtype == np.float64
    assert np.array_equal(np.stack([data[axis] for axis in "xyz"], axis=1), keypoints.xyz)
    normals = np.stack([data[axis] for axis in ("nx", "ny", "nz")], axis=1)
    assert np.array_equal(normals, keypoints.normals)
    colours = np.stack([data[name] for name in ("red", "green", "blue")], axis=1)
    assert np.array_equal(colours, (255 * keypoints.colours).round())
    for name, values in (
        ("quality", keypoints.scores),
        ("scalar_score", keypoints.scores),
        ("scalar_uncertainty", keypoints.uncertainty),
        ("scalar_scale", keypoints.scales),
    ):
        assert np.array_equal(data[name], values)


def test_views_are_counted_once_by_hand(tmp_path):
    seen = Observations(
        torch.tensor([2, 0, 2, 2, 0]), torch.tensor([0, 1, 3, 0, 2]), torch.zeros(5, 2)
    )
    keypoints = replace(made_up_keypoints(count=4), observations=seen)
    assert written(tmp_path / "keypoints.ply", keypoints)["scalar_views"].tolist() == [2, 0, 2, 0]


def test_trimesh_reads_it(tmp_path):
    keypoints = made_up_keypoints()
    write_keypoint_ply(tmp_path / "keypoints.ply", keypoints)
    read = trimesh.load(tmp_path / "keypoints.ply")
    assert isinstance(read, trimesh.PointCloud)
    assert np.allclose(read.vertices, keypoints.xyz)
    assert np.array_equal(read.colors[:, :3], (255 * keypoints.colours).round())


def test_a_set_without_keypoints_is_a_file_too(tmp_path):
    assert len(written(tmp_path / "keypoints.ply", made_up_keypoints(count=0))) == 0


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot be written .*; choose another"):
        write_keypoint_ply(tmp_path, made_up_keypoints())
