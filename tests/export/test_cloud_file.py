"""Clouds of others come in with their colours and normals, or one sentence says why not."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.export.cloud_file import read_cloud
from condense_ns.export.npz_members import write_members
from condense_ns.export.ply import COLOUR, NORMAL, POSITION, PRECISE_POSITION, filled, write_ply

XYZ = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 500_000.25]])
BYTES = np.array([[0, 51, 255], [255, 0, 0], [1, 2, 3]], np.uint8)
NORMALS = np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [0.0, 0.0, 0.0]])
SHARES = torch.from_numpy(BYTES.astype(np.float32)) / 255
REAL_COLOUR = [(name, "f4") for name, _ in COLOUR]
WIDE_COLOUR = [(name, "u2") for name, _ in COLOUR]


def ply(path, *groups):
    write_ply(path, {"vertex": filled(len(XYZ), list(groups))})
    return path


def refused(path, sentence):
    with pytest.raises(UserError, match=rf"^.*{path.name} {sentence}$"):
        read_cloud(path)


def test_a_ply_file_with_everything(tmp_path):
    path = ply(tmp_path / "a.PLY", (PRECISE_POSITION, XYZ), (COLOUR, BYTES), (NORMAL, NORMALS))
    cloud = read_cloud(path)
    assert torch.equal(cloud.positions, torch.from_numpy(XYZ))
    torch.testing.assert_close(cloud.colours, SHARES)
    torch.testing.assert_close(cloud.normals, torch.from_numpy(NORMALS).float())


def test_a_ply_file_with_positions_alone(tmp_path):
    cloud = read_cloud(ply(tmp_path / "a.ply", (POSITION, XYZ)))
    torch.testing.assert_close(cloud.positions, torch.from_numpy(XYZ))
    assert cloud.colours is None
    assert cloud.normals is None


@pytest.mark.parametrize(
    ("described", "values"),
    [
        (REAL_COLOUR, BYTES / 255),
        (WIDE_COLOUR, BYTES.astype(np.uint16) * 257),
        (WIDE_COLOUR, BYTES),  # bytes in a wide place, as many scanners write them
    ],
)
def test_colours_of_other_types(tmp_path, described, values):
    cloud = read_cloud(ply(tmp_path / "a.ply", (POSITION, XYZ), (described, values)))
    torch.testing.assert_close(cloud.colours, SHARES)


def test_real_colours_up_to_255_are_refused(tmp_path):
    path = ply(tmp_path / "a.ply", (POSITION, XYZ), (REAL_COLOUR, BYTES))
    refused(path, "has colours beyond 0 to 1; store them as bytes, or divide them by 255")


def test_an_npz_file(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, xyz=XYZ.astype(np.float32), rgb=BYTES, normals=NORMALS)
    cloud = read_cloud(path)
    torch.testing.assert_close(cloud.positions, torch.from_numpy(XYZ))
    torch.testing.assert_close(cloud.colours, SHARES)
    write_members(path, {"xyz": XYZ, "other": XYZ})
    assert read_cloud(path).colours is None


def test_npz_files_of_other_things_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, points=XYZ)
    refused(path, "holds no array xyz; store the positions under this name")
    np.savez(path, xyz=XYZ[:, :2])
    refused(path, r"has xyz of shape \(3, 2\); give three numbers for each point")
    np.savez(path, xyz=XYZ, rgb=BYTES[:2])
    refused(path, r"has rgb of shape \(2, 3\); give three numbers for each point")
    np.savez(path, xyz=np.array(None))
    refused(path, r"is damaged or no file of plain arrays \(.*\); copy or write it again")
    np.savez_compressed(path, xyz=np.zeros((10_000, 3)))
    refused(
        path, r"is damaged or no file of plain arrays \(.*compressed.*\); copy or write it again"
    )


@pytest.mark.parametrize("ending", ["ply", "npz"])
def test_nan_and_nothing_are_refused(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    for xyz, sentence in (
        (
            np.where(XYZ == 4.0, np.nan, XYZ),
            r"has positions that are not finite \(at 1 points\); .*",
        ),
        (np.zeros((0, 3)), "holds 0 points; give one with 1 to .*"),
    ):
        if ending == "npz":
            np.savez(path, xyz=xyz)
        else:
            write_ply(path, {"vertex": filled(len(xyz), [(POSITION, xyz)])})
        refused(path, sentence)


@pytest.mark.parametrize("ending", ["ply", "npz"])
def test_missing_and_torn_files_are_refused(tmp_path, ending):
    refused(tmp_path / f"none.{ending}", r"cannot be read.*\(.*\); give .*")
    path = tmp_path / f"a.{ending}"
    if ending == "npz":
        np.savez(path, xyz=XYZ)
    else:
        ply(path, (POSITION, XYZ))
    content = path.read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        refused(path, r".*\(.*\); .*")


def test_a_text_that_promises_a_huge_cloud_is_refused(tmp_path):
    path = tmp_path / "a.ply"
    properties = "".join(f"property float {axis}\n" for axis in "xyz")
    path.write_text(
        f"ply\nformat ascii 1.0\nelement vertex {10**17}\n{properties}end_header\n1 2 3\n"
    )
    refused(path, r"cannot be read as points \(.*\); give a PLY file with x, y and z")


def test_points_that_are_no_numbers_are_refused(tmp_path):
    path = tmp_path / "a.ply"
    path.write_text(
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty list uchar int x\nproperty float y\n"
        "property float z\nend_header\n2 1 2 3 4\n"
    )
    refused(
        path, r"cannot be read as points \(x is no plain number\); give a PLY file with x, y and z"
    )


def test_other_endings_are_refused(tmp_path):
    refused(tmp_path / "a.obj", r"is none of the known point clouds \(.ply, .npz, .las, .laz\); .*")


def test_las_without_the_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "laspy", None)
    refused(
        tmp_path / "a.las", r"needs a library to be read: pip install 'condense_ns\[las\]', or .*"
    )


@pytest.mark.parametrize("coloured", [False, True])
def test_las_with_a_stand_in_for_the_library(tmp_path, monkeypatch, coloured):
    """The names are those of laspy 2."""
    names = ["X", "Y", "Z", *(["red", "green", "blue"] if coloured else [])]
    red, green, blue = (BYTES.astype(np.uint16) * 257).T
    las = SimpleNamespace(
        xyz=XYZ,
        red=red,
        green=green,
        blue=blue,
        point_format=SimpleNamespace(dimension_names=names),
    )
    monkeypatch.setitem(sys.modules, "laspy", SimpleNamespace(read=lambda path: las))
    cloud = read_cloud(tmp_path / "a.laz")
    assert torch.equal(cloud.positions, torch.from_numpy(XYZ))
    assert cloud.normals is None
    if coloured:
        torch.testing.assert_close(cloud.colours, SHARES)
    else:
        assert cloud.colours is None


def test_a_damaged_las_file_is_refused(tmp_path, monkeypatch):
    def read(path):
        raise RuntimeError("bad\nsignature")

    monkeypatch.setitem(sys.modules, "laspy", SimpleNamespace(read=read))
    refused(
        tmp_path / "a.las", r"cannot be read as a LAS file \(bad signature\); convert it to PLY"
    )


def test_a_real_las_file(tmp_path):
    laspy = pytest.importorskip("laspy")
    las = laspy.create(point_format=3)
    las.header.scales = [0.001] * 3
    las.x, las.y, las.z = XYZ.T
    las.red, las.green, las.blue = (BYTES.astype(np.uint16) * 257).T
    las.write(tmp_path / "a.las")
    cloud = read_cloud(tmp_path / "a.las")
    torch.testing.assert_close(cloud.positions, torch.from_numpy(XYZ))
    torch.testing.assert_close(cloud.colours, SHARES)
