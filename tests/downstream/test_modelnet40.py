"""ModelNet40 in both forms in which it is handed out, written here in small."""

import h5py
import numpy as np
import pytest

from condense_ns.downstream.modelnet40_hdf5 import read_modelnet40
from condense_ns.downstream.modelnet40_off import POINTS, read_modelnet40_off, read_off
from condense_ns.errors import UserError

TETRAHEDRON = "4 4 6\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 1 2\n3 0 1 3\n3 0 2 3\n3 1 2 3\n"
SQUARE = "OFF\n4 1 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 1 2 3\n"


def write_h5(path, count, labels, **changes):
    rng = np.random.default_rng(count)
    arrays = {
        "data": rng.normal(size=(count, 16, 3)).astype(np.float32),
        "label": np.array(labels, np.uint8)[:, None],
        **changes,
    }
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            if array is not None:
                file[name] = array
    return arrays


@pytest.fixture
def hdf5(tmp_path):
    (tmp_path / "shape_names.txt").write_text("airplane\nbathtub\n")
    prefix = "data/modelnet40_ply_hdf5_2048/"
    (tmp_path / "train_files.txt").write_text(
        f"{prefix}ply_data_train0.h5\n{prefix}ply_data_train1.h5\n"
    )
    (tmp_path / "test_files.txt").write_text(f"{prefix}ply_data_test0.h5\n")
    write_h5(tmp_path / "ply_data_train0.h5", 2, [0, 1])
    write_h5(tmp_path / "ply_data_train1.h5", 1, [1])
    write_h5(tmp_path / "ply_data_test0.h5", 2, [1, 0])
    return tmp_path


def test_hdf5_files_follow_each_other(hdf5):
    data = read_modelnet40(hdf5)
    assert data.class_names == ("airplane", "bathtub")
    assert (data.train.categories, data.test.categories) == ([0, 1, 1], [1, 0])
    expected = write_h5(hdf5 / "again.h5", 1, [1])["data"][0]
    found = data.train[2].cloud.positions.numpy()
    assert found == pytest.approx(expected[:, [0, 2, 1]] * [1, -1, 1])  # y upwards becomes z


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"label": None},
            r"ply_data_test0.h5 holds no array 'label'; get modelnet40_ply_hdf5_2048",
        ),
        ({"label": np.zeros((3, 1), np.uint8)}, "arrays that do not belong together"),
        ({"data": np.zeros((2, 16))}, r"holds points of shape \(2, 16\)"),
        ({"label": np.array([[7], [0]], np.uint8)}, "clouds of class 7, but only classes 0 to 1"),
    ],
)
def test_wrong_arrays_are_told(hdf5, changes, told):
    write_h5(hdf5 / "ply_data_test0.h5", 2, [1, 0], **changes)
    with pytest.raises(UserError, match=told):
        read_modelnet40(hdf5)


@pytest.mark.parametrize("name", ["shape_names.txt", "test_files.txt", "ply_data_train1.h5"])
def test_a_missing_file_is_named(hdf5, name):
    (hdf5 / name).unlink()
    with pytest.raises(UserError, match=f"{name} cannot be read as .*; get modelnet40"):
        read_modelnet40(hdf5)


def test_a_file_in_both_lists_is_named(hdf5):
    (hdf5 / "test_files.txt").write_text("elsewhere/ply_data_train1.h5\n")
    with pytest.raises(UserError, match=r"lists ply_data_train1.h5 for training and for testing"):
        read_modelnet40(hdf5)


def test_an_empty_list_is_an_empty_split(hdf5):
    (hdf5 / "test_files.txt").write_text("\n")
    with pytest.raises(UserError, match="modelnet40 has no test clouds"):
        read_modelnet40(hdf5)


@pytest.fixture
def off(tmp_path):
    for name in ("chair", "table"):
        for split in ("train", "test"):
            (tmp_path / name / split).mkdir(parents=True)
            (tmp_path / name / split / f"{name}_0001.off").write_text("OFF\n" + TETRAHEDRON)
    return tmp_path


def test_meshes_become_points_on_their_faces(off):
    data = read_modelnet40_off(off)
    assert data.class_names == ("chair", "table")
    assert (data.train.categories, data.test.categories) == ([0, 1], [0, 1])
    first, again = (data.train[1].cloud.positions for _ in range(2))
    assert first.shape == (POINTS, 3)
    assert (first == again).all()
    on_face = np.minimum(first.numpy().min(axis=1), np.abs(first.numpy().sum(axis=1) - 1))
    assert on_face == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("header", ["OFF\n", "OFF", "  OFF \n\n"])
def test_the_word_off_may_lack_its_line(tmp_path, header):
    (tmp_path / "x.off").write_text(header + TETRAHEDRON)
    corners, triangles = read_off(tmp_path / "x.off")
    assert corners.shape == (4, 3)
    assert triangles.tolist() == [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]


def test_faces_of_four_corners_become_fans(tmp_path):
    (tmp_path / "x.off").write_text(SQUARE)
    assert read_off(tmp_path / "x.off")[1].tolist() == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "PLY\n1 1 0",
        "OFF\n",
        "OFF\n3 1 0\n0 0 0\n",
        "OFF\n1 1 0\n0 0 0\n3 0 1 2\n",
        "OFF\n1 0 0\n0 0 0",
    ],
)
def test_what_is_no_mesh_is_refused(tmp_path, content):
    (tmp_path / "x.off").write_text(content)
    with pytest.raises(UserError, match=r"x.off cannot be read as an OFF mesh .*; get ModelNet40"):
        read_off(tmp_path / "x.off")


def test_a_mesh_without_area_is_refused(off):
    flat = "OFF\n3 1 0\n0 0 0\n1 0 0\n2 0 0\n3 0 1 2\n"
    (off / "chair" / "train" / "chair_0001.off").write_text(flat)
    with pytest.raises(UserError, match="is a mesh without any area"):
        read_modelnet40_off(off).train[0]


def test_a_folder_without_classes_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no folders <class>/train"):
        read_modelnet40_off(tmp_path)
