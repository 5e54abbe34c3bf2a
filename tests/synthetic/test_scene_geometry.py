"""Do the files of a scene folder agree with each other, read as any other program would read them?

The code of `condense_ns.synthetic` is not used here beyond writing the folder.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from plyfile import PlyData
from trimesh.visual import ColorVisuals

from condense_ns.annotations import SceneAnnotations, read_annotations


def annotations_of(folder: Path) -> SceneAnnotations:
    """The annotations, which must be there."""
    found = read_annotations(folder)
    assert found is not None
    return found


class View:
    """One frame, read from disk; points are metres in the room."""

    def __init__(self, folder: Path, number: int) -> None:
        content = json.loads((folder / "transforms.json").read_text())
        frame = content["frames"][number]
        self.pose = np.array(frame["transform_matrix"])
        self.focal, self.centre = content["fl_x"], np.array([content["cx"], content["cy"]])
        self.depth = np.load(folder / frame["depth_file_path"]).astype(float) / 1000
        annotations = annotations_of(folder)
        image = folder / frame["file_path"]
        assert np.array(Image.open(image)).shape == (*self.depth.shape, 3)
        classes, instances = annotations.class_map(image), annotations.instance_map(image)
        assert classes is not None
        assert instances is not None
        self.classes, self.instances = classes, instances

    def points(self):
        """The point that each pixel sees, row by row."""
        rows, columns = np.indices(self.depth.shape) + 0.5
        x = (columns - self.centre[0]) / self.focal * self.depth
        y = (self.centre[1] - rows) / self.focal * self.depth
        local = np.stack([x, y, -self.depth], axis=-1).reshape(-1, 3)
        return local @ self.pose[:3, :3].T + self.pose[:3, 3]

    def landing(self, points):
        """Row and column of each point in this view, its depth, and whether it lies inside."""
        local = (points - self.pose[:3, 3]) @ self.pose[:3, :3]
        depth = -local[:, 2]
        column = np.floor(local[:, 0] / np.maximum(depth, 1e-9) * self.focal + self.centre[0])
        row = np.floor(self.centre[1] - local[:, 1] / np.maximum(depth, 1e-9) * self.focal)
        height, width = self.depth.shape
        inside = (depth > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
        return row[inside].astype(int), column[inside].astype(int), depth[inside], inside


def labelled_mesh(folder):
    """The mesh as trimesh reads it, and the labels of its faces as plyfile does."""
    mesh = trimesh.load(folder / "mesh.ply", process=False)
    assert isinstance(mesh, trimesh.Trimesh)
    return mesh, PlyData.read(str(folder / "mesh.ply"))["face"].data


def test_pixels_lie_on_the_mesh_and_have_the_labels_of_its_faces(written):
    mesh, labels = labelled_mesh(written.folder)
    rng = np.random.default_rng(0)
    for number in (0, 3, 7):
        view = View(written.folder, number)
        chosen = rng.choice(view.depth.size, 120, replace=False)
        _, distance, face = trimesh.proximity.closest_point(mesh, view.points()[chosen])
        assert distance.max() < 1e-3
        assert (labels["class"][face] == view.classes.ravel()[chosen]).mean() > 0.98
        assert (labels["instance"][face] == view.instances.ravel()[chosen]).mean() > 0.98


def test_two_views_agree_about_a_point_that_both_see(written):
    shared = 0
    for first, second in ((0, 1), (3, 4), (8, 7)):
        seen, other = View(written.folder, first), View(written.folder, second)
        row, column, depth, inside = other.landing(seen.points())
        visible = np.abs(other.depth[row, column] - depth) < 0.005 * depth
        shared += visible.sum()
        for name in ("classes", "instances"):
            here = getattr(seen, name).ravel()[inside][visible]
            there = getattr(other, name)[row, column][visible]
            assert (here == there).mean() > 0.97
    assert shared > 1500


def test_instances_have_the_classes_of_their_annotations(written):
    annotations = annotations_of(written.folder)
    number_of = {name: number for number, name in enumerate(annotations.classes)}
    class_of_instance = np.array([0, *(number_of[t.class_name] for t in annotations.things)])
    for number in range(10):
        view = View(written.folder, number)
        assert view.classes.min() > 0
        assert np.array_equal(class_of_instance[view.instances], view.classes)


def test_pixels_of_a_thing_lie_in_its_box(written):
    boxes = json.loads((written.folder / "annotations.json").read_text())["instances"]
    view = View(written.folder, 2)
    points, instances = view.points(), view.instances.ravel()
    for number in np.unique(instances):
        box = boxes[number - 1]["box"]
        sine, cosine = np.sin(box["turn"]), np.cos(box["turn"])
        away = points[instances == number] - box["centre"]
        own = away @ np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
        assert (np.abs(own) <= np.array(box["size"]) / 2 + 2e-3).all()


def test_the_point_cloud_lies_on_the_mesh_with_its_labels(written):
    mesh, labels = labelled_mesh(written.folder)
    cloud = PlyData.read(str(written.folder / "points.ply"))["vertex"].data
    assert len(cloud) == 3000
    chosen = cloud[::25]
    places = np.stack([chosen[axis] for axis in "xyz"], axis=1).astype(float)
    _, distance, face = trimesh.proximity.closest_point(mesh, places)
    assert distance.max() < 1e-4
    assert (labels["class"][face] == chosen["class"]).mean() > 0.98
    assert (labels["instance"][face] == chosen["instance"]).mean() > 0.98
    read = trimesh.load(written.folder / "points.ply")
    assert isinstance(read, trimesh.PointCloud)
    assert read.colors.shape == (3000, 4)


def test_the_mesh_has_normals_colours_and_all_things(written):
    mesh, labels = labelled_mesh(written.folder)
    annotations = annotations_of(written.folder)
    assert set(labels["instance"]) == set(range(1, len(annotations.things) + 1))
    vertex = PlyData.read(str(written.folder / "mesh.ply"))["vertex"].data
    normals = np.stack([vertex[name] for name in ("nx", "ny", "nz")], axis=1)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-4)
    colours = mesh.visual
    assert isinstance(colours, ColorVisuals)
    assert colours.kind == "vertex"
    assert np.ptp(colours.vertex_colors[:, :3]) > 50
