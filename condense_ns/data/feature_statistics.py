"""Mean, scale and colours of an encoder's features on a scene."""

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.cache.lookup import StoredMaps
from condense_ns.rendering.pca_colours import fit_pca_colours
from condense_ns.tensors import FeatureStatistics


def feature_statistics(
    features: Float[Tensor, "count channels"], fingerprint: str
) -> FeatureStatistics:
    """Statistics of a sample of features of the training views."""
    mean = features.mean(dim=0)
    scale = (features - mean).pow(2).mean().sqrt().clamp_min(1e-6).item()
    basis, limits = fit_pca_colours(features)
    return FeatureStatistics(fingerprint, mean, scale, basis, limits)


def sampled_statistics(maps: StoredMaps, count: int, fingerprint: str) -> FeatureStatistics:
    """Statistics of so many cells of stored maps, always the same ones."""
    features = maps.sample(count, torch.Generator().manual_seed(0))
    return feature_statistics(features, fingerprint)
