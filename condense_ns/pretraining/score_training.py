"""Keypoint scores of both branches: alike, peaked, repeated in the next view, near a detector's at first.

Scores are read off features that they do not shape: what makes a good keypoint would push out of the features
what things are. So a finished backbone can still be given scores.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.interpolation import sample_maps
from condense_ns.geometry.pinhole import grid_places
from condense_ns.losses.detector import (
    peakedness,
    prior_agreement,
    repeatability,
    score_consistency,
)
from condense_ns.pretraining.joint_network import JointNetwork
from condense_ns.pretraining.pair_landings import Landings
from condense_ns.pretraining.seen_cells import SeenCells

PATCH = 2
"""Cells to each side of a patch's centre: patches of 5 x 5 cells (`methods.md` 1.3)."""


def score_losses(
    network: JointNetwork,
    seen: SeenCells,
    landings: Landings,
    latents: Float[Tensor, "voxels latent"],
    refined: Float[Tensor, "views rows columns channels"],
    priors: Float[Tensor, "views rows columns"] | None,
) -> dict[str, Float[Tensor, ""]]:
    """``score_consistency``, ``score_peakedness``, ``score_repeatability``, ``score_prior``.

    Args:
        network: whose score heads are trained, and nothing else of it.
        seen: cells of the first encoder, in two views at least.
        landings: of these cells in the next view.
        latents: of the voxels.
        refined: maps of the 2D branch, standardised.
        priors: logits of a detector at the cells, or None.
    """
    logits_2d = network.branch_2d.score(refined.detach())
    scores_3d = seen.composite(network.score_3d(latents.detach()).sigmoid()[:, None])[..., 0]
    counted = seen.counted.reshape(logits_2d.shape)
    scores_2d = logits_2d.sigmoid() * counted
    grids_3d = scores_3d.reshape(scores_2d.shape)
    whole = _patches(counted.float()).amin(dim=1) > 0
    both = (scores_2d, grids_3d)
    losses = {
        "score_consistency": score_consistency(
            scores_2d.flatten(), scores_3d.flatten(), seen.opacity.flatten()
        ),
        "score_peakedness": sum(peakedness(_patches(grids)[whole]) for grids in both) / 2,
        "score_repeatability": _repeated(scores_2d, landings),
    }
    if priors is not None:
        losses["score_prior"] = prior_agreement(logits_2d[counted], priors[counted])
    return losses


def _patches(grids: Float[Tensor, "views rows columns"]) -> Float[Tensor, "patches pixels"]:
    """All patches that lie within the grids; the grids themselves if they are smaller."""
    size = min(2 * PATCH + 1, grids.shape[1]), min(2 * PATCH + 1, grids.shape[2])
    return F.unfold(grids[:, None], size).transpose(1, 2).flatten(0, 1)


def _repeated(grids: Float[Tensor, "views rows columns"], landings: Landings) -> Float[Tensor, ""]:
    """Patches around cells and around their landings in the next view."""
    _, rows, columns = grids.shape
    steps = torch.arange(-PATCH, PATCH + 1, device=grids.device)
    offsets = torch.cartesian_prod(steps, steps) / grids.new_tensor([columns, rows])
    own = grid_places(rows, columns, grids.device).expand_as(landings.places)
    patches = [
        sample_maps(maps[:, None], (places[:, :, None] + offsets).flatten(1, 2)).reshape(
            len(grids), -1, len(offsets)
        )[landings.shared]
        for maps, places in ((grids, own), (grids.roll(-1, dims=0), landings.places))
    ]
    return repeatability(*patches)
