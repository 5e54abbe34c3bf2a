"""PLY files are read back by other programs, and are whole or absent."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from plyfile import PlyData

from condense_ns.errors import UserError
from condense_ns.export import ply
from condense_ns.export.ply import COLOUR, NORMAL, POSITION, filled, write_ply


def cloud(count=50):
    rng = np.random.default_rng(0)
    groups = [
        (POSITION, rng.normal(size=(count, 3)).astype(np.float32)),
        (NORMAL, rng.normal(size=(count, 3)).astype(np.float32)),
        (COLOUR, rng.integers(0, 256, (count, 3)).astype(np.uint8)),
        ([("class", "i4")], rng.integers(-5, 70000, (count, 1))),
    ]
    return filled(count, groups), groups


def test_a_table_of_two_points_by_hand():
    table = filled(
        2,
        [
            (POSITION, np.array([[1.0, 2, 3], [4, 5, 6]])),
            (COLOUR, np.array([[7, 8, 9], [0, 1, 255]])),
        ],
    )
    assert table.dtype.names == ("x", "y", "z", "red", "green", "blue")
    assert table[1].tolist() == (4.0, 5.0, 6.0, 0, 1, 255)
    assert table["x"].dtype == np.float32
    assert table["red"].dtype == np.uint8


def test_points_come_back_as_they_were(tmp_path):
    table, groups = cloud()
    write_ply(tmp_path / "new folder" / "points.ply", {"vertex": table})
    read = PlyData.read(str(tmp_path / "new folder" / "points.ply"))["vertex"].data
    for names, values in groups:
        assert np.array_equal(np.stack([read[name] for name, _ in names], axis=1), values)


def test_trimesh_reads_points_with_colours(tmp_path):
    table, groups = cloud()
    write_ply(tmp_path / "points.ply", {"vertex": table})
    read = trimesh.load(tmp_path / "points.ply")
    assert isinstance(read, trimesh.PointCloud)
    assert np.allclose(read.vertices, groups[0][1])
    assert np.array_equal(read.colors[:, :3], groups[2][1])


def test_a_mesh_keeps_its_faces_and_their_labels(tmp_path):
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    faces = np.empty(2, [("vertex_indices", "i4", (3,)), ("class", "i4")])
    faces["vertex_indices"], faces["class"] = [[0, 1, 2], [0, 3, 1]], [4, 70000]
    write_ply(tmp_path / "mesh.ply", {"vertex": filled(4, [(POSITION, corners)]), "face": faces})
    mesh = trimesh.load(tmp_path / "mesh.ply", process=False)
    assert isinstance(mesh, trimesh.Trimesh)
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 3, 1]]
    assert np.allclose(mesh.vertices, corners)
    read = PlyData.read(str(tmp_path / "mesh.ply"))["face"].data
    assert read["class"].tolist() == [4, 70000]


def test_no_points_are_a_file_too(tmp_path):
    table, _ = cloud(0)
    write_ply(tmp_path / "points.ply", {"vertex": table})
    assert len(PlyData.read(str(tmp_path / "points.ply"))["vertex"].data) == 0


def test_equal_tables_give_equal_bytes_and_nothing_else_is_left(tmp_path):
    for name in ("a.ply", "b.ply", "a.ply"):
        write_ply(tmp_path / name, {"vertex": cloud()[0]})
    assert (tmp_path / "a.ply").read_bytes() == (tmp_path / "b.ply").read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.ply", "b.ply"]


@pytest.mark.parametrize("name", ["file/points.ply", "file/folder/points.ply", "folder"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=f"{name} cannot be written .*; choose another"):
        write_ply(tmp_path / name, {"vertex": cloud()[0]})
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}


@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt("stop")])
def test_an_exception_midway_leaves_the_old_file(tmp_path, monkeypatch, error):
    path = tmp_path / "points.ply"
    write_ply(path, {"vertex": cloud()[0]})
    before = path.read_bytes()

    def fail(_, unfinished):
        Path(unfinished).write_bytes(b"half")
        raise error

    monkeypatch.setattr(ply.PlyData, "write", fail)
    with pytest.raises((UserError, KeyboardInterrupt), match=r"No space left|stop"):
        write_ply(path, {"vertex": cloud(3)[0]})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
