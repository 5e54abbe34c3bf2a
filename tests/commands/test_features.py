"""Features of points and scenes from a backbone on disk."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from plyfile import PlyData

from condense_ns.commands.features import Features
from condense_ns.errors import UserError
from condense_ns.export.npz_members import read_members, write_members
from condense_ns.fields.backbone_file import save_backbone
from condense_ns.fields.latent_decoders import LatentDecoders
from condense_ns.fields.octree_backbone import OctreeBackbone

READ = ("xyz", "features", "known")


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("backbone") / "backbone.safetensors"
    decoders = LatentDecoders(8, {"mini": 5, "other": 3}, hidden_dim=6)
    save_backbone(path, OctreeBackbone("S", latent_dim=8), decoders)
    return path


def cloud(path: Path, order: np.ndarray | None = None) -> np.ndarray:
    """Points on a sphere, far from the origin."""
    generator = np.random.default_rng(0)
    xyz = generator.normal(size=(600, 3))
    xyz = 1e4 + xyz / np.linalg.norm(xyz, axis=1, keepdims=True)
    rgb = (generator.random((600, 3)) * 255).astype(np.uint8)
    order = np.arange(600) if order is None else order
    write_members(path, {"xyz": xyz[order], "rgb": rgb[order]})
    return xyz[order]


def test_permuted_points_have_permuted_features(backbone: Path, tmp_path: Path):
    order = np.random.default_rng(1).permutation(600)
    xyz = cloud(tmp_path / "plain.npz")
    cloud(tmp_path / "mixed.npz", order)
    found = []
    for name in ("plain", "mixed"):
        command = Features(
            backbone, tmp_path / f"{name}.npz", output_path=tmp_path / f"{name}_out.npz"
        )
        replace(command, voxel_size=0.2).main()
        found.append(read_members(command.output_path, READ))
    np.testing.assert_array_equal(found[0]["xyz"], xyz)
    assert found[0]["features"].shape == (600, 5)
    assert found[0]["known"].mean() > 0.9
    np.testing.assert_allclose(found[1]["features"], found[0]["features"][order], atol=2e-3)


def test_points_taken_from_within_have_normals_towards_their_middle(backbone: Path, tmp_path: Path):
    xyz = cloud(tmp_path / "plain.npz")
    outwards = (xyz - 1e4).astype(np.float32)
    write_members(tmp_path / "outwards.npz", {"xyz": xyz, "normals": outwards})
    write_members(tmp_path / "inwards.npz", {"xyz": xyz, "normals": -outwards})
    write_members(tmp_path / "bare.npz", {"xyz": xyz})
    found = {}
    for name, inside in (("bare", False), ("bare", True), ("outwards", True), ("inwards", False)):
        out = tmp_path / "out.npz"
        Features(
            backbone, tmp_path / f"{name}.npz", output_path=out, voxel_size=0.3, inside=inside
        ).main()
        found[name, inside] = read_members(out, READ)["features"].astype(np.float32)

    def apart(one: tuple[str, bool], other: tuple[str, bool]) -> float:
        return float(np.abs(found[one] - found[other]).mean())

    assert apart(("bare", True), ("inwards", False)) < 0.3 * apart(
        ("bare", True), ("outwards", True)
    )
    assert apart(("bare", False), ("outwards", True)) < 0.3 * apart(
        ("bare", False), ("inwards", False)
    )


def test_a_scene_has_features_at_its_voxels_in_its_own_coordinates(
    backbone: Path, tabletop: Path, tmp_path: Path
):
    out = tmp_path / "scene.npz"
    Features(
        backbone, scene=tabletop, output_path=out, encoder="other", most_voxels=8000, image_size=64
    ).main()
    found = read_members(out, READ)
    assert 1000 < len(found["xyz"]) <= 8000
    assert found["features"].shape[1] == 3
    assert found["known"].all()
    true = PlyData.read(str(tabletop / "points.ply"))["vertex"]
    points = np.stack([true[axis] for axis in "xyz"], axis=1)
    nearest = np.linalg.norm(points[:, None] - found["xyz"][None], axis=2).min(axis=1)
    assert np.median(nearest) < 0.2
    ply = PlyData.read(str(out.with_suffix(".ply")))["vertex"]
    assert len(ply) == len(found["xyz"])


def test_the_backbone_s_own_numbers_can_be_had(backbone: Path, tmp_path: Path):
    cloud(tmp_path / "cloud.npz")
    out = tmp_path / "latent.npz"
    Features(backbone, tmp_path / "cloud.npz", output_path=out, encoder="latent").main()
    assert read_members(out, READ)["features"].shape == (600, 8)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "give one of --points, --scene and --load-config"),
        ({"points": Path("a.ply"), "scene": Path("b")}, "give one of --points, --scene and --load"),
        (
            {"scene": Path("b"), "load_config": Path("c")},
            "give one of --points, --scene and --load",
        ),
        ({"points": Path("a.ply"), "output_path": Path("x.ply")}, r"must end in \.npz"),
        ({"points": Path("a.ply"), "voxel_size": 0.0}, "--voxel-size is 0.0"),
        ({"points": Path("a.ply"), "most_voxels": 0}, "--most-voxels is 0; it must be 1"),
        ({"points": Path("absent.ply")}, "absent.ply"),
        ({"points": Path("a.ply"), "device": "gpu"}, "unknown device 'gpu'; use cpu, cuda"),
        ({"scene": Path("b"), "inside": True}, "--inside is for --points"),
        (
            {"load_config": Path("c"), "voxel_size": 0.1},
            "--voxel-size is for --points; give --most-",
        ),
        ({"load_config": Path("absent.yml")}, "no run at absent.yml"),
    ],
)
def test_what_cannot_be_done_is_told(backbone: Path, options: dict, sentence: str):
    with pytest.raises(UserError, match=sentence):
        Features(backbone, **options).main()


def test_points_that_are_not_finite_and_encoders_that_are_not_known_are_refused(
    backbone: Path, tmp_path: Path
):
    xyz = cloud(tmp_path / "cloud.npz")
    xyz[3] = np.nan
    write_members(tmp_path / "nan.npz", {"xyz": xyz})
    with pytest.raises(UserError, match="positions that are not finite"):
        Features(backbone, tmp_path / "nan.npz", output_path=tmp_path / "out.npz").main()
    with pytest.raises(
        UserError, match="was not trained with dinov2-small; use one of mini, other"
    ):
        Features(
            backbone,
            tmp_path / "cloud.npz",
            output_path=tmp_path / "out.npz",
            encoder="dinov2-small",
        ).main()
    assert not (tmp_path / "out.npz").exists()


def test_the_cloud_that_was_given_is_not_overwritten(backbone: Path, tmp_path: Path):
    cloud = tmp_path / "cloud.ply"
    cloud.write_bytes(b"mine")
    with pytest.raises(UserError, match=r"cloud\.ply would be overwritten"):
        Features(backbone=backbone, points=cloud, output_path=tmp_path / "cloud.npz").main()
    assert cloud.read_bytes() == b"mine"
