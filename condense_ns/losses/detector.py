"""What makes score maps useful: the same in 2D and 3D, peaked, and repeated from other views.

Scores lie in [0, 1]. The patch losses follow R2D2 (Revaud et al., 2019, section 3.2): two patches of
the same surface should look alike, and each should have a peak, since constant maps are alike, too.
"""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.losses.distillation import weighted_mean

TOWARDS_3D = 0.25
"""Share of the 2D branch's pull towards the 3D branch; the 3D branch learns from scratch, and follows fully."""
EPSILON = 1e-4


def score_consistency(
    scores_2d: Float[Tensor, " rays"],
    scores_3d: Float[Tensor, " rays"],
    opacity: Float[Tensor, " rays"],
) -> Float[Tensor, ""]:
    """Cross-entropy of each branch against the other one held still, weighted by opacity."""
    lifted = F.binary_cross_entropy(
        scores_3d.clamp(EPSILON, 1 - EPSILON), scores_2d.detach(), reduction="none"
    )
    seen = F.binary_cross_entropy(
        scores_2d.clamp(EPSILON, 1 - EPSILON), scores_3d.detach(), reduction="none"
    )
    return weighted_mean(lifted + TOWARDS_3D * seen, opacity)


def repeatability(
    patches_a: Float[Tensor, "patches pixels"], patches_b: Float[Tensor, "patches pixels"]
) -> Float[Tensor, ""]:
    """One minus the mean cosine of score patches of the same places in two views; 0 without any."""
    if len(patches_a) == 0:
        return patches_a.sum()
    return 1.0 - F.cosine_similarity(patches_a, patches_b, dim=1, eps=1e-6).mean()


def peakedness(patches: Float[Tensor, "patches pixels"]) -> Float[Tensor, ""]:
    """One minus the mean distance of a patch's largest score from its mean; 0 without any patch."""
    if len(patches) == 0:
        return patches.sum()
    return 1.0 - (patches.amax(dim=1) - patches.mean(dim=1)).mean()


def prior_agreement(
    logits: Float[Tensor, "*pixels"], prior_logits: Float[Tensor, "*pixels"]
) -> Float[Tensor, ""]:
    """Cross-entropy of scores against the prior's probabilities, keypoints weighing as the rest.

    Few pixels are keypoints; each pixel is weighted so that both kinds count alike. Zero without any.
    """
    if logits.numel() == 0:
        return logits.sum()
    target = prior_logits.sigmoid()
    share = target.mean().clamp(1e-3, 0.5)
    weights = target / share + (1 - target) / (1 - share)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (weights * entropy).mean() / 2


def place_agreement(
    places_a: Float[Tensor, "peaks 2"], places_b: Float[Tensor, "peaks 2"]
) -> Float[Tensor, ""]:
    """Robust distance in pixels of keypoints from where their partners of the other view land."""
    if len(places_a) == 0:
        return places_a.sum()
    return F.smooth_l1_loss(places_a, places_b)
