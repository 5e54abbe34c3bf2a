"""SUN RGB-D in its own format (MATLAB structures, rotated depth), written here in small."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from condense_ns.downstream.sunrgbd import CLASSES, depth_points, read_sunrgbd
from condense_ns.errors import UserError

ROOT = "/n/fs/sun3d/data/SUNRGBD"
INTRINSICS = np.array([[2.0, 0, 2.5], [0, 2, 1.5], [0, 0, 1]])
CHAIR = {
    "classname": "chair",
    "basis": np.array([[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1]]),
    "coeffs": np.array([0.5, 0.25, -0.4]),
    "centroid": np.array([1.0, 2.0, 0.3]),
}


def rotated(millimetres):
    """As the data set stores depth: its bits rotated by three."""
    depth = np.asarray(millimetres, np.uint16)
    return (depth << 3) | (depth >> 13)


def image(name, boxes):
    return {
        "sequenceName": f"SUNRGBD/kv2/data/{name}",
        "depthpath": f"{ROOT}/kv2/data/{name}/depth/1.png",
        "K": INTRINSICS,
        "Rtilt": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
        "groundtruth3DBB": boxes,
    }


def write_lists(folder, train=("a",), test=("b", "unknown")):
    place = folder / "SUNRGBDtoolbox" / "traintestSplit"
    place.mkdir(parents=True, exist_ok=True)
    cells = {}
    for name, listed in (("alltrain", train), ("alltest", test)):
        cells[name] = np.empty((1, len(listed)), object)
        for number, entry in enumerate(listed):
            cells[name][0, number] = f"{ROOT}/kv2/data/{entry}"
    savemat(place / "allsplit.mat", cells)


@pytest.fixture
def folder(tmp_path):
    for name in "ab":
        place = tmp_path / "SUNRGBD" / "kv2" / "data" / name / "depth"
        place.mkdir(parents=True)
        Image.fromarray(rotated([[0, 2000, 9000], [1000, 65535 // 8, 500]])).save(place / "1.png")
    lamp = {**CHAIR, "classname": "lamp"}
    images = [image("a", []), image("b", [CHAIR, lamp])]
    savemat(tmp_path / "SUNRGBDMeta3DBB_v2.mat", {"SUNRGBDMeta": images})
    write_lists(tmp_path)
    return tmp_path


def test_images_follow_the_lists_and_unknown_ones_are_left_out(folder):
    data = read_sunrgbd(folder)
    assert (len(data.train), len(data.test)) == (1, 1)
    assert data.train[0].boxes is not None
    assert data.train[0].boxes.boxes.shape == (0, 7)


def test_a_box_by_hand(folder):
    boxes = read_sunrgbd(folder).test[0].boxes
    assert boxes is not None
    assert boxes.classes.tolist() == [CLASSES.index("chair")]
    turn = np.arctan2(0.8, 0.6)
    assert boxes.boxes[0].tolist() == pytest.approx([1, 2, 0.3, 1, 0.5, 0.8, turn])


def test_points_by_hand(folder):
    points = depth_points(rotated([[0, 2000], [1000, 9000]]), INTRINSICS)
    # Pixel (column 2, row 1), counted from 1: x = (2 - 2.5) * 2 / 2, z = -(1 - 1.5) * 2 / 2.
    assert points == pytest.approx(np.array([[-0.5, 2, 0.5], [-0.75, 1, -0.25]]))
    seen = read_sunrgbd(folder).test[0]
    assert seen.viewpoints is not None
    assert seen.viewpoints.tolist() == [[0, 0, 0]]  # the camera
    upright = seen.cloud.positions
    assert len(upright) == 3  # two are unknown or too far away
    assert upright[0].tolist() == pytest.approx([-0.5, -0.5, 2])


@pytest.mark.parametrize(
    "name", ["SUNRGBDMeta3DBB_v2.mat", "SUNRGBDtoolbox/traintestSplit/allsplit.mat"]
)
@pytest.mark.parametrize("content", [None, b"no matlab file"])
def test_missing_and_damaged_files_are_named(folder, name, content):
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be read for its .*; get SUNRGBD.zip"):
        read_sunrgbd(folder)


def test_a_missing_depth_image_is_named(folder):
    (folder / "SUNRGBD/kv2/data/b/depth/1.png").unlink()
    with pytest.raises(UserError, match=r"1.png cannot be read as a depth image"):
        read_sunrgbd(folder).test[0]


def test_an_image_in_both_lists_is_named(folder):
    write_lists(folder, train=("a", "b"))
    with pytest.raises(UserError, match=r"lists SUNRGBD/kv2/data/b for training and for testing"):
        read_sunrgbd(folder)


def test_an_empty_split_is_refused(folder):
    write_lists(folder, test=("unknown",))
    with pytest.raises(UserError, match="sunrgbd has no test clouds"):
        read_sunrgbd(folder)
