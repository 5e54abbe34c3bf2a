"""Every refusal names the file or field, and what to do about it."""

import json

import numpy as np
import pytest
import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from PIL import Image

from condense_ns.data.scene_checks import at_one_place, check_scene_file, check_split
from condense_ns.errors import UserError

WIDTH, HEIGHT = 12, 8
NAN = float("nan")


@pytest.fixture
def scene(tmp_path):
    """A folder with three images and their transforms.json."""
    folder = tmp_path / "room"
    (folder / "images").mkdir(parents=True)
    frames = []
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        suffix = "jpg" if number == 2 else "png"
        name = f"images/{number}.{suffix}"
        Image.fromarray(pixels).save(folder / name)
        pose = np.eye(4)
        pose[0, 3] = number
        frames.append({"file_path": name, "transform_matrix": pose.tolist()})
    meta = {"fl_x": 10.0, "fl_y": 10.0, "cx": 6.0, "cy": 4.0, "w": WIDTH, "h": HEIGHT}
    (folder / "transforms.json").write_text(json.dumps({**meta, "frames": frames}))
    return folder


def outputs(scene, **camera):
    """What a data parser would return for the scene."""
    meta = json.loads((scene / "transforms.json").read_text())
    files = [scene / frame["file_path"] for frame in meta["frames"]]
    poses = torch.tensor([frame["transform_matrix"][:3] for frame in meta["frames"]])
    fields = {"fx": 10.0, "fy": 10.0, "cx": 6.0, "cy": 4.0, "width": WIDTH, "height": HEIGHT}
    return DataparserOutputs(files, Cameras(poses, **{**fields, **camera}))


def rewrite(scene, edit):
    file = scene / "transforms.json"
    meta = json.loads(file.read_text())
    edit(meta)
    file.write_text(json.dumps(meta))


def set_frame(key, value):
    return lambda meta: meta["frames"][1].update({key: value})


def set_pose(row, column, value):
    def edit(meta):
        meta["frames"][1]["transform_matrix"][row][column] = value

    return edit


def test_a_whole_scene_passes(scene):
    check_scene_file(scene)
    check_scene_file(scene / "transforms.json")
    check_split(outputs(scene), "train")
    check_split(outputs(scene), "eval")


def test_a_folder_of_another_format_is_left_to_its_data_parser(tmp_path):
    check_scene_file(tmp_path)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda meta: meta.update(frames=[]), r"transforms\.json lists no frames; run ns-process"),
        (lambda meta: meta.pop("frames"), "lists no frames"),
        (set_frame("file_path", "images/9.png"), r"names images/9\.png, which does not.*restore"),
        (lambda meta: meta["frames"][1].pop("file_path"), "a frame without file_path"),
        (set_pose(0, 3, NAN), r"pose of images/1\.png holds NaN or infinity; drop the frame"),
        (set_pose(1, 1, float("inf")), r"pose of images/1\.png holds NaN or infinity"),
        (set_pose(1, 1, None), r"pose of images/1\.png holds NaN"),
        (set_pose(1, 1, 0.0), r"rotation of images/1\.png is singular.*determinant 0.*drop"),
        (set_pose(1, 1, 3.0), r"images/1\.png is singular or scaled \(determinant 3"),
        (set_pose(1, 1, -1.0), "determinant -1"),
        (set_frame("transform_matrix", [[1, 0], [0, 1]]), r"images/1\.png has shape \(2, 2\)"),
        (set_frame("transform_matrix", [[1, 0, 0, 0], [0, 1]]), r"images/1\.png.*expected 4 x 4"),
        (set_frame("transform_matrix", "turned"), r"images/1\.png.*expected 4 x 4"),
        (set_frame("transform_matrix", np.eye(4)[:3].tolist()), r"\(3, 4\), expected 4 x 4"),
        (lambda meta: meta["frames"][1].pop("transform_matrix"), "expected 4 x 4"),
        (lambda meta: meta.update(fl_x=0), r"fl_x of the scene is 0, expected a number of pix"),
        (lambda meta: meta.update(fl_y=NAN), "fl_y of the scene is nan"),
        (lambda meta: meta.update(fl_y="wide"), "fl_y of the scene is wide"),
        (set_frame("fl_x", -3.5), r"fl_x of images/1\.png is -3\.5"),
        (set_frame("fl_y", float("inf")), r"fl_y of images/1\.png is inf"),
    ],
)
def test_a_scene_file_that_cannot_be_used_is_refused(scene, edit, told):
    rewrite(scene, edit)
    with pytest.raises(UserError, match=told) as caught:
        check_scene_file(scene)
    assert str(scene / "transforms.json") in str(caught.value)


@pytest.mark.parametrize("text", ["", "{'frames': []}", '{"frames": [', "[]", "3", "\x00"])
def test_a_file_that_is_not_json_of_a_scene_is_refused(scene, text):
    (scene / "transforms.json").write_text(text)
    with pytest.raises(UserError, match=r"transforms\.json .*(valid JSON|no frames)"):
        check_scene_file(scene)


def test_a_scene_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"no scene at .*nowhere: give the folder.*--data"):
        check_scene_file(tmp_path / "nowhere")


def test_a_scene_of_one_image_cannot_be_trained_on(scene):
    rewrite(scene, lambda meta: meta.update(frames=meta["frames"][:1]))
    with pytest.raises(UserError, match=r"1 training image\(s\), at least 2 are needed: add"):
        check_split(outputs(scene), "train")
    check_split(outputs(scene), "eval")
    with pytest.raises(UserError, match=r"e\.g\. a list of scenes"):
        check_split(outputs(scene), "train", "a list of scenes")
    with pytest.raises(UserError, match=r"transforms\.json lists a single photograph, at least 2"):
        check_scene_file(scene)


@pytest.mark.parametrize("place", [0.0, 0.1, -7000.3])
def test_cameras_at_one_place_are_refused(scene, place):
    def edit(meta):
        for frame in meta["frames"]:
            frame["transform_matrix"][0][3] = place

    rewrite(scene, edit)
    with pytest.raises(UserError, match=r"transforms\.json: all cameras stand at one place.*add"):
        check_scene_file(scene)


def test_cameras_far_from_the_origin_may_be_near_one_another():
    places = np.array([[1000.0, 0.0, 0.0], [1000.01, 0.0, 0.0]])
    assert not at_one_place(places)
    assert at_one_place(places.round(1))


@pytest.mark.parametrize("mode", ["P", "CMYK", "LA", "1"])
def test_images_of_any_mode_pass_if_they_have_colours(scene, mode):
    Image.new(mode, (WIDTH, HEIGHT)).save(scene / "images" / "1.png", format="TIFF")
    check_split(outputs(scene), "train")


def test_an_image_of_numbers_that_are_no_colours_is_named(scene):
    Image.new("F", (WIDTH, HEIGHT)).save(scene / "images" / "1.png", format="TIFF")
    with pytest.raises(UserError, match=r"1\.png cannot be read as colours .*convert it to RGB"):
        check_split(outputs(scene), "train")


@pytest.mark.parametrize("name", ["0.png", "2.jpg"])
def test_a_truncated_image_is_named(scene, name):
    file = scene / "images" / name
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(UserError, match=rf"{name} cannot be read .*restore it or drop it"):
        check_split(outputs(scene), "eval")


def test_an_image_that_is_none_is_named(scene):
    (scene / "images" / "1.png").write_text("not an image")
    with pytest.raises(UserError, match=r"1\.png cannot be read"):
        check_split(outputs(scene), "train")


def test_an_image_that_claims_to_be_gigantic_is_named(scene, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(UserError, match=r"0\.png cannot be read .*exceeds limit"):
        check_split(outputs(scene), "train")


def test_a_missing_image_is_named(scene):
    (scene / "images" / "1.png").unlink()
    with pytest.raises(UserError, match=r"1\.png does not exist; restore it or drop its frame"):
        check_split(outputs(scene), "train")


def test_an_image_of_another_size_than_its_camera_is_named(scene):
    with pytest.raises(UserError, match=r"0\.png is 12 x 8 .* camera is 8 x 12: mend w and h"):
        check_split(outputs(scene, width=HEIGHT, height=WIDTH), "train")


@pytest.mark.parametrize("centre", [{"cx": -1.0}, {"cx": 12.0}, {"cy": 9.0}, {"cy": NAN}])
def test_a_principal_point_outside_the_image_is_named(scene, centre):
    with pytest.raises(UserError, match=r"principal point \(.*0\.png lies outside its 12 x 8"):
        check_split(outputs(scene, **centre), "train")


def test_a_lens_with_nan_is_named(scene):
    with pytest.raises(UserError, match=r"the lens of .*0\.png has NaN or infinity among k1 to p2"):
        check_split(outputs(scene, distortion_params=torch.full((3, 6), NAN)), "train")


def test_a_missing_depth_image_is_named(scene):
    split = outputs(scene)
    (scene / "0.npy").touch()
    split.metadata["depth_filenames"] = [scene / "0.npy", scene / "1.npy", scene / "2.npy"]
    with pytest.raises(UserError, match=r"depth .*1\.npy does not exist; restore it"):
        check_split(split, "train")


@pytest.mark.parametrize("change", [(0.0, 1.0), (NAN, 1.0), (1.0, 0.0), (1.0, float("inf"))])
def test_coordinates_that_nothing_leads_back_to_are_refused(scene, change):
    split = outputs(scene)
    split.dataparser_transform = change[0] * torch.eye(4)[:3]
    split.dataparser_scale = change[1]
    with pytest.raises(UserError, match="mend applied_transform and applied_scale"):
        check_split(split, "train")


def test_a_pose_that_became_nan_is_named(scene):
    split = outputs(scene)
    split.cameras.camera_to_worlds[1, 0, 0] = NAN
    with pytest.raises(UserError, match=r"pose of .*1\.png holds NaN"):
        check_split(split, "train")
