"""nerfstudio's own parser, cameras and depth reader on a made-up scene."""

import numpy as np
import pytest
import torch
import trimesh
from nerfstudio.data.dataparsers.nerfstudio_dataparser import NerfstudioDataParserConfig
from nerfstudio.data.datasets.depth_dataset import DepthDataset


def outputs_of(folder, split):
    return NerfstudioDataParserConfig(data=folder).setup().get_dataparser_outputs(split)


def test_splits_are_those_of_the_plan(written):
    train, val = (outputs_of(written.folder, split) for split in ("train", "val"))
    assert [path.name for path in val.image_filenames] == ["00004.png"]
    assert len(train.image_filenames) == 9
    assert len(train.metadata["depth_filenames"]) == 9
    assert train.cameras.width.unique().item() == 80


@pytest.mark.parametrize("split", ["train", "val"])
def test_nerfstudio_rays_times_its_depth_end_on_the_mesh(written, split):
    outputs = outputs_of(written.folder, split)
    data = DepthDataset(outputs)[0]
    rays = outputs.cameras.generate_rays(0)
    euclidean = data["depth_image"] * rays.metadata["directions_norm"]
    ends = (rays.origins + rays.directions * euclidean).reshape(-1, 3)
    # Back from the parser's own frame: centred, turned and scaled.
    turn = outputs.dataparser_transform
    metres = (ends / outputs.dataparser_scale - turn[:, 3]) @ turn[:, :3]
    mesh = trimesh.load(written.folder / "mesh.ply", process=False)
    chosen = np.random.default_rng(0).choice(len(metres), 80, replace=False)
    distance = trimesh.proximity.closest_point(mesh, metres[chosen].double().numpy())[1]
    assert distance.max() < 2e-3
    assert data["image"].shape == (60, 80, 3)
    assert isinstance(data["image"], torch.Tensor)
