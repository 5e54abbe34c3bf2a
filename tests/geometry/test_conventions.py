"""OpenGL's and OpenCV's poses say the same."""

import torch
from torch.nn import functional as F

from condense_ns.geometry.conventions import camera_to_world_gl, world_to_camera_cv


def poses(count):
    generator = torch.Generator().manual_seed(0)
    rotations, _ = torch.linalg.qr(
        torch.randn(count, 3, 3, generator=generator, dtype=torch.float64)
    )
    rotations = rotations * torch.linalg.det(rotations)[:, None, None]
    centres = torch.randn(count, 3, 1, generator=generator, dtype=torch.float64)
    return torch.cat([rotations, centres], dim=2)


def test_what_lies_before_and_above_an_upright_camera_by_hand():
    pose = torch.eye(4, dtype=torch.float64)[:3]
    pose[:, 3] = torch.tensor([1.0, 2.0, 3.0])
    rotation, translation = world_to_camera_cv(pose)
    before_and_above = torch.tensor([1.0, 2.5, 1.0], dtype=torch.float64)
    seen = rotation @ before_and_above + translation
    assert torch.equal(seen, torch.tensor([0.0, -0.5, 2.0], dtype=torch.float64))


def test_there_and_back_is_the_same_for_one_and_for_many():
    many = poses(5)
    assert torch.allclose(camera_to_world_gl(*world_to_camera_cv(many)), many, atol=1e-14)
    one = camera_to_world_gl(*world_to_camera_cv(many[0]))
    assert torch.allclose(one, many[0], atol=1e-14)


def test_a_camera_stands_at_its_own_origin():
    many = poses(5)
    rotations, translations = world_to_camera_cv(many)
    at_centre = torch.einsum("vij,vj->vi", rotations, many[:, :, 3]) + translations
    assert at_centre.abs().max() < 1e-14
    assert torch.allclose(F.normalize(rotations, dim=2), rotations)
