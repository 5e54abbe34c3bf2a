"""Scenes for a repository, made of random points; photographs of them."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.retrieval.scene_descriptor import DescriptorChoice, describe_scene
from condense_ns.tensors import FeatureSource, SceneDescriptor
from tests.keypoints.made_up_set import made_up_keypoints

CHANNELS = 16
LOOKS = FeatureSource("gradients", "aa" * 16)
WORDS = FeatureSource("mini", "bb" * 16)
CHOICE = DescriptorChoice(LOOKS, (LOOKS, WORDS), WORDS)


def made_up_set(seed: int = 0, count: int = 40) -> Keypoints3D:
    """Points of a scene with random descriptors."""
    generator = torch.Generator().manual_seed(5000 + seed)
    keypoints = made_up_keypoints(count, views=3, seed=seed)
    features = {
        LOOKS.spec: F.normalize(torch.randn(count, CHANNELS, generator=generator)),
        WORDS.spec: F.normalize(torch.randn(count, 8, generator=generator)),
    }
    return replace(keypoints, descriptors=features)


def made_up_scene(seed: int = 0, count: int = 40, name: str | None = None) -> SceneDescriptor:
    """A scene of its own for every seed."""
    return describe_scene(name or f"scene {seed}", made_up_set(seed, count), CHOICE)


def seen_descriptors(scene: SceneDescriptor, noise: float = 0.1, seed: int = 0) -> Tensor:
    """Descriptors of every second keypoint, as a photograph would have them."""
    generator = torch.Generator().manual_seed(seed)
    seen = scene.descriptors[::2]
    return F.normalize(seen + noise * torch.randn(seen.shape, generator=generator))
