"""`condense export keypoints --scene`: scenes that nothing was trained on, and photographs matched with them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from plyfile import PlyData

from condense_ns.commands.export_backbone import ExportBackbone
from condense_ns.commands.export_keypoints import ExportKeypoints
from condense_ns.commands.index_scenes import IndexAdd, IndexList
from condense_ns.commands.match import Match
from condense_ns.encoders import build_encoder
from condense_ns.errors import UserError
from condense_ns.export.keypoint_file import read_keypoints
from condense_ns.fields.backbone_file import load_backbone
from condense_ns.keypoints.keypoint_set import HEAD_NAME, Keypoints3D
from condense_ns.pipelines.refined_encoder import photo_encoder
from tests.backbones import write_backbone
from tests.data.changed_scenes import rewrite, without_depth
from tests.lift_run import trained, write_list
from tests.pretrain_run import model_settings, small_pretrain_config
from tests.scenes import FOCAL
from tests.sparse_run import HEIGHT, WIDTH, make_patchwork_scene
from tests.training import SURROUNDINGS

SPEC = "gradients"


@pytest.fixture(scope="module")
def backbone(tabletops: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two steps of training leave, keypoint scores among it."""
    folder = tmp_path_factory.mktemp("sparse_backbone")
    scenes = write_list(tabletops, folder / "list.yaml")
    config = small_pretrain_config(scenes, folder / "runs", (SPEC,))
    model_settings(config).objectives = ("condense", "sparse")
    run = trained(config).base_dir / "config.yml"
    ExportBackbone(run, folder / "backbone.safetensors").main()
    return folder / "backbone.safetensors"


@pytest.fixture(scope="module")
def exported(tabletop: Path, backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set of a scene with depth images."""
    folder = tmp_path_factory.mktemp("exported")
    spec = f"backbone:{backbone}"
    ExportKeypoints(
        scene=tabletop, descriptors=spec, output_dir=folder, count=200, adjust_poses=False
    ).main()
    return folder


def off_the_surface(keypoints: Keypoints3D, scene: Path) -> torch.Tensor:
    """Distance of each keypoint from the nearest of the scene's true points."""
    true = PlyData.read(str(scene / "points.ply"))["vertex"]
    points = torch.tensor([list(true[axis]) for axis in "xyz"], dtype=torch.float64).T
    return torch.cdist(keypoints.xyz, points).min(dim=1).values


def test_training_for_scores_is_remembered(backbone: Path):
    others = load_backbone(backbone).others
    assert others is not None
    assert (others.scores_learned, others.encoder_image_size) == (True, 64)


def test_a_set_has_features_of_both_branches_and_scores(exported, backbone, tabletop):
    spec = f"backbone:{backbone}"
    wanted = {"keypoints.npz", HEAD_NAME, "keypoints.ply", "colmap", "keypoints.json"}
    assert {file.name for file in exported.iterdir()} == wanted
    keypoints = read_keypoints(exported / "keypoints.npz")
    assert 30 < len(keypoints) <= 200
    assert list(keypoints.descriptors) == [spec, SPEC]
    for features in keypoints.descriptors.values():
        torch.testing.assert_close(features.norm(dim=1), torch.ones(len(keypoints)))
    assert (keypoints.normals.norm(dim=1) > 0.9).float().mean() > 0.9
    assert ((keypoints.scores > 0) & (keypoints.scores < 0.5)).all()  # 3D scores begin at 0.05
    assert off_the_surface(keypoints, tabletop).median() < 0.25
    record = json.loads((exported / "keypoints.json").read_text())
    assert record["encoders"] == {
        spec: photo_encoder(spec).fingerprint,
        SPEC: build_encoder(SPEC, "cpu", 64).fingerprint,
    }
    assert record["options"]["count"] == 200
    assert record["scene"] == tabletop.name


def test_scores_of_the_3d_branch_are_in_the_set_s_scores(tabletop, backbone, exported, tmp_path):
    unscored = write_backbone(tmp_path / "unscored.safetensors", (SPEC,), 64)
    ExportKeypoints(
        scene=tabletop,
        descriptors=f"backbone:{unscored}",
        output_dir=tmp_path / "unscored",
        count=200,
        adjust_poses=False,
    ).main()
    plain = read_keypoints(tmp_path / "unscored" / "keypoints.npz")
    scored = read_keypoints(exported / "keypoints.npz")
    assert plain.scores.median() > 1.5 * scored.scores.median()
    with pytest.raises(UserError, match=r"no keypoint is seen alike .* lower --min-score"):
        ExportKeypoints(
            scene=tabletop, descriptors=f"backbone:{backbone}", output_dir=tmp_path, min_score=0.9
        ).main()


def test_without_depth_images_the_voxels_tell_the_depth(tabletop, backbone, tmp_path):
    """They come from comparing photographs."""
    scene = without_depth(tabletop, tmp_path / "scene")
    ExportKeypoints(
        scene=scene,
        descriptors=f"backbone:{backbone}",
        output_dir=tmp_path / "set",
        crop=(-9.0, -9.0, -9.0, 9.0, 0.0, 9.0),
    ).main()
    keypoints = read_keypoints(tmp_path / "set" / "keypoints.npz")
    assert len(keypoints) > 10
    assert off_the_surface(keypoints, tabletop).median() < 0.4
    assert (keypoints.xyz[:, 1] <= 0.0).all()
    ExportKeypoints(scene=scene, descriptors=SPEC, output_dir=tmp_path / "plain").main()
    plain = read_keypoints(tmp_path / "plain" / "keypoints.npz")
    assert len(plain) > 10
    assert off_the_surface(plain, tabletop).median() < 0.4


def write_board_depth(scene: Path) -> None:
    """Depth images in millimetres of the board in the plane z = 0."""

    def edit(meta: dict) -> None:
        column, row = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
        across, up = (column - WIDTH / 2) / meta["fl_x"], (HEIGHT / 2 - row) / meta["fl_y"]
        for number, frame in enumerate(meta["frames"]):
            pose = np.array(frame["transform_matrix"])[:3]
            directions = np.stack([across, up, -np.ones_like(up)], axis=-1) @ pose[:, :3].T
            depth = -pose[2, 3] / np.minimum(directions[..., 2], -1e-6)
            places = pose[:, 3] + depth[..., None] * directions
            seen = (np.abs(places[..., :2]) < 1.0).all(axis=-1)
            frame["depth_file_path"] = f"depth_{number}.png"
            millimetres = (1000 * depth * seen).round().astype(np.uint16)
            Image.fromarray(millimetres).save(scene / frame["depth_file_path"])

    rewrite(scene, edit)


@pytest.mark.parametrize("has_depth", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_held_out_photograph_finds_its_pose_in_a_set(has_depth: bool, tmp_path, capsys):
    """Within a twentieth of the distance; with photographs alone, too."""
    scene = make_patchwork_scene(tmp_path / "scene")
    if has_depth:
        write_board_depth(scene)
    backbone = write_backbone(tmp_path / "b.safetensors", (SURROUNDINGS,), WIDTH, refining=0.01)
    spec, folder = f"backbone:{backbone}", tmp_path / "set"
    ExportKeypoints(scene=scene, descriptors=spec, output_dir=folder, adjust_poses=False).main()
    keypoints = read_keypoints(folder / "keypoints.npz")
    frames = json.loads((scene / "transforms.json").read_text())["frames"]
    poses = {Path(frame["file_path"]).name: frame["transform_matrix"] for frame in frames}
    held_out = min(poses.keys() - {Path(view.name).name for view in keypoints.views})
    capsys.readouterr()
    Match(
        image=scene / "images" / held_out,
        keypoints=folder / "keypoints.npz",
        focal=(FOCAL * WIDTH,),
        picture=tmp_path / "matches.png",
        json=1,
    ).main()
    found = json.loads(capsys.readouterr().out)
    assert found["found"]
    off = torch.tensor(found["camera_to_world"])[:, 3] - torch.tensor(poses[held_out])[:3, 3]
    assert off.norm() < 0.15


def test_encoders_describe_scenes_with_depth_images(tabletop: Path, tmp_path: Path):
    ExportKeypoints(scene=tabletop, descriptors=SPEC, output_dir=tmp_path, frame="model").main()
    keypoints = read_keypoints(tmp_path / "keypoints.npz")
    assert list(keypoints.descriptors) == [SPEC]
    assert keypoints.frame == "model"
    assert (tmp_path / HEAD_NAME).is_file()


def test_files_and_folders_of_one_backbone_share_an_index(
    tabletops, exported, backbone, tmp_path, capsys
):
    place, spec = str(tmp_path / "index"), f"backbone:{backbone}"
    IndexAdd(index=place, scenes=(exported / "keypoints.npz",), name="file").main()
    folder = (tabletops / "tabletop_000002",)
    IndexAdd(index=place, scenes=folder, descriptors=spec).main()
    capsys.readouterr()
    IndexList(index=place, json=1).main()
    rows = json.loads(capsys.readouterr().out)
    assert [row["source"]["spec"] for row in rows] == [spec, spec]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "give either --load-config or --scene"),
        ({"scene": Path("a"), "load_config": Path("b")}, "give either --load-config or --scene"),
        ({"scene": Path("a")}, "--scene and --descriptors belong together"),
        ({"load_config": Path("a"), "descriptors": "mini"}, "belong together"),
        ({"scene": Path("a"), "descriptors": "mini", "count": 0}, "--count is 0"),
        ({"scene": Path("absent"), "descriptors": "mini"}, "absent"),
        ({"scene": Path("a"), "descriptors": "nothing"}, "unknown encoder 'nothing'"),
        (
            {"scene": Path("a"), "descriptors": "mini", "prior": "sift"},
            "unknown prior 'sift'; known are shi-tomasi, dog, and encoders of keypoint logits",
        ),
        (
            {"scene": Path("a"), "descriptors": "mini", "output_dir": Path(__file__)},
            "is no folder; choose another --output-dir",
        ),
        ({"scene": Path("a"), "descriptors": "backbone:absent"}, "absent cannot be read as a back"),
    ],
)
def test_what_cannot_be_done_is_told(options: dict, sentence: str, tmp_path: Path):
    with pytest.raises(UserError, match=sentence):
        ExportKeypoints(**{"output_dir": tmp_path / "out", **options}).main()
    assert not (tmp_path / "out").exists()
