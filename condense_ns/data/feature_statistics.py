"""Mean, scale and colours of an encoder's features on a scene."""

from jaxtyping import Float
from torch import Tensor

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
