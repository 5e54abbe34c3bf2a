"""What the 2D head and the 3D scores learn from one pair of training views.

Pixels of view a are lifted by rendered depth and land in view b; those that b does not see, because
something is in front, are left out. Both views' maps, the rendered scores and the descriptors are then
compared at places that are the same (`losses/detector.py`, `losses/descriptor.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from nerfstudio.cameras.cameras import Cameras
from torch import Tensor

from condense_ns.geometry.interpolation import sample_map
from condense_ns.geometry.projection import Camera, project
from condense_ns.keypoints.detection import BORDER, MIN_PROBABILITY, RADIUS, peaks
from condense_ns.keypoints.head import HeadMaps, KeypointHead
from condense_ns.losses.descriptor import contrast, match_logits, matched, reliability
from condense_ns.losses.detector import (
    peakedness,
    place_agreement,
    prior_agreement,
    repeatability,
    score_consistency,
)

PEAKS, SCATTERED = 384, 256
"""Pixels of view a that are looked at: keypoints, and any."""
MIN_OPACITY = 0.5
DEPTH_TOLERANCE = 0.05  # of the distance: rendered depth is no sensor's
TEMPERATURE = 0.07
SAFE_RADIUS = 6.0  # pixels of the photograph
PATCH = 2  # pixels to each side
PARTNER_RADIUS = 3.0  # pixels of the resized photograph
LOSSES = ("consistency", "repeatability", "peakedness", "contrast", "reliability", "place", "prior")


@dataclass(frozen=True)
class PairView:
    """One view of a pair."""

    image: Float[Tensor, "3 height width"]
    """The photograph as the head sees it."""
    feature_map: Float[Tensor, "rows columns channels"]
    """Of the encoder whose features the head reads."""
    prior_logits: Float[Tensor, "height width"]
    """Of the detector that it starts from."""
    camera: Cameras
    """One camera, for casting rays."""
    projection: Camera
    """The same, for projecting points."""

    def to_photograph(self) -> Float[Tensor, "2"]:
        """Pixels of the photograph for one of the resized photograph, in x and y."""
        height, width = self.image.shape[1:]
        return self.image.new_tensor(
            [self.projection.width / width, self.projection.height / height]
        )


@dataclass(frozen=True)
class RenderedScores:
    """What the model renders at pixels."""

    z_depth: Float[Tensor, " rays"]
    """Along the optical axis."""
    opacity: Float[Tensor, " rays"]
    scores: Float[Tensor, " rays"]
    """Composited 3D scores, with gradients."""


@dataclass(frozen=True)
class PairLesson:
    """What a step teaches keypoints."""

    draw: Callable[[torch.Generator], tuple[PairView, PairView]]
    """Two training views that see the same places."""
    progress: float
    """Of the training of keypoints, from 0 to 1."""
    generator: torch.Generator
    """Draws the views, then their pixels."""


Render = Callable[[Cameras, Float[Tensor, "rays 2"]], RenderedScores]


@dataclass(frozen=True)
class _Correspondences:
    """Pixels of view a and where they land in b; in pixels of the photographs."""

    pixels_a: Float[Tensor, "places 2"]
    pixels_b: Float[Tensor, "places 2"]
    z_depth: Float[Tensor, " places"]
    peak: Bool[Tensor, " places"]


def pair_losses(
    view_a: PairView,
    view_b: PairView,
    head: KeypointHead,
    render: Render,
    generator: torch.Generator,
) -> dict[str, Float[Tensor, ""]]:
    """Each of `LOSSES`, not weighted.

    Args:
        view_a: where pixels are taken from.
        view_b: where they land.
        head: in training.
        render: the model at pixels of a camera; only scores carry gradients.
        generator: draws the pixels.
    """
    maps_a, maps_b = (head(v.image, v.feature_map, v.prior_logits) for v in (view_a, view_b))
    pixels, peak = _chosen_pixels(maps_a, generator)
    pixels = pixels * view_a.to_photograph()
    rendered_a = render(view_a.camera, pixels)
    landed, z_depth = lift_and_project(view_a, pixels, rendered_a.z_depth, view_b)
    inside = view_b.projection.contains(landed) & (z_depth > 0)
    inside &= rendered_a.opacity > MIN_OPACITY
    rendered_b = render(view_b.camera, landed[inside])
    apart = (rendered_b.z_depth - z_depth[inside]).abs()
    seen = (apart < DEPTH_TOLERANCE * z_depth[inside]) & (rendered_b.opacity > MIN_OPACITY)
    chosen = torch.nonzero(inside)[seen, 0]
    same = _Correspondences(
        pixels[chosen], landed[chosen], rendered_a.z_depth[chosen], peak[chosen]
    )
    branches = [
        (maps_a, view_a, pixels, rendered_a),
        (maps_b, view_b, landed[inside], rendered_b),
    ]
    consistency = torch.stack(
        [
            score_consistency(_scores(maps, view, at), shown.scores, shown.opacity)
            for maps, view, at, shown in branches
        ]
    ).mean()
    prior = prior_agreement(maps_a.score_logits, view_a.prior_logits)
    return {
        "consistency": consistency,
        **_score_losses(maps_a, view_a, maps_b, view_b, same),
        **_descriptor_losses(maps_a, view_a, maps_b, view_b, same),
        "prior": prior,
    }


def lift_and_project(
    view_a: PairView,
    pixels: Float[Tensor, "places 2"],
    z_depth: Float[Tensor, " places"],
    view_b: PairView,
) -> tuple[Float[Tensor, "places 2"], Float[Tensor, " places"]]:
    """Where surfaces seen at pixels of a lie in b, and how deep.

    Args:
        view_a: the view that sees them.
        pixels: of its photograph.
        z_depth: along its optical axis.
        view_b: the other view.
    """
    indices = torch.zeros(len(pixels), 1, dtype=torch.long, device=pixels.device)
    rays = view_a.camera.generate_rays(camera_indices=indices, coords=pixels.flip(-1))
    distance = z_depth[:, None] * rays.metadata["directions_norm"]
    return project(rays.origins + rays.directions * distance, view_b.projection)


def _chosen_pixels(
    maps: HeadMaps, generator: torch.Generator
) -> tuple[Float[Tensor, "places 2"], Bool[Tensor, " places"]]:
    """Pixels of the resized photograph, and which of them are keypoints."""
    height, width = maps.size
    found = peaks(maps.score_logits.detach().sigmoid(), RADIUS, MIN_PROBABILITY, BORDER)
    order = torch.randperm(len(found), generator=generator)[:PEAKS]
    at_peaks = found[order.to(found.device)].flip(-1) + 0.5
    size = torch.tensor([width, height], dtype=torch.float32)
    scattered = torch.rand(SCATTERED, 2, generator=generator) * (size - 2 * BORDER) + BORDER
    pixels = torch.cat([at_peaks, scattered.to(at_peaks)])
    return pixels, torch.arange(len(pixels), device=pixels.device) < len(at_peaks)


def _scores(
    maps: HeadMaps, view: PairView, pixels: Float[Tensor, "places 2"]
) -> Float[Tensor, " places"]:
    """2D scores at pixels of the photograph."""
    at = pixels / view.to_photograph()
    return sample_map(maps.score_logits[..., None], at, maps.size)[:, 0].sigmoid()


def _score_losses(
    maps_a: HeadMaps, view_a: PairView, maps_b: HeadMaps, view_b: PairView, same: _Correspondences
) -> dict[str, Float[Tensor, ""]]:
    """Patches of the same places should have the same peak."""
    steps = torch.arange(-PATCH, PATCH + 1, device=same.pixels_a.device)
    offsets = torch.cartesian_prod(steps, steps).to(same.pixels_a) * view_a.to_photograph()
    around_a = same.pixels_a[:, None] + offsets
    z_depth = same.z_depth.repeat_interleave(len(offsets))  # the patch is taken for flat
    around_b, _ = lift_and_project(view_a, around_a.flatten(0, 1), z_depth, view_b)
    patches_a, patches_b = (
        _scores(maps, view, around.reshape(-1, 2)).reshape(-1, len(offsets))
        for maps, view, around in ((maps_a, view_a, around_a), (maps_b, view_b, around_b))
    )
    return {
        "repeatability": repeatability(patches_a, patches_b),
        "peakedness": (peakedness(patches_a) + peakedness(patches_b)) / 2,
        "place": _place_loss(maps_a, view_a, maps_b, view_b, same),
    }


def _place_loss(
    maps_a: HeadMaps, view_a: PairView, maps_b: HeadMaps, view_b: PairView, same: _Correspondences
) -> Float[Tensor, ""]:
    """Offsets bring keypoints of a to where the keypoints of b nearby say that they are."""
    found = peaks(maps_b.score_logits.detach().sigmoid(), RADIUS, MIN_PROBABILITY, BORDER)
    if len(found) == 0 or not same.peak.any():
        return maps_a.offsets.sum() * 0.0
    own = same.pixels_a[same.peak]
    corrected = own + view_a.to_photograph() * sample_map(
        maps_a.offsets, own / view_a.to_photograph(), maps_a.size
    )
    landed, _ = lift_and_project(view_a, corrected, same.z_depth[same.peak], view_b)
    landed = landed / view_b.to_photograph()
    centres = found.flip(-1) + 0.5
    distance, nearest = torch.cdist(landed.detach(), centres).min(dim=1)
    near = distance < PARTNER_RADIUS
    partners = centres[nearest[near]]
    partners = partners + sample_map(maps_b.offsets, partners, maps_b.size)
    return place_agreement(landed[near], partners)


def _descriptor_losses(
    maps_a: HeadMaps, view_a: PairView, maps_b: HeadMaps, view_b: PairView, same: _Correspondences
) -> dict[str, Float[Tensor, ""]]:
    """The same place is found again, and the head knows where it will be."""
    descriptors_a, descriptors_b = (
        torch.nn.functional.normalize(
            sample_map(maps.descriptors, pixels / view.to_photograph(), maps.size), dim=1
        )
        for maps, view, pixels in (
            (maps_a, view_a, same.pixels_a),
            (maps_b, view_b, same.pixels_b),
        )
    )
    logits = match_logits(descriptors_a, descriptors_b, same.pixels_b, TEMPERATURE, SAFE_RADIUS)
    claimed = sample_map(
        maps_a.reliability_logits[..., None], same.pixels_a / view_a.to_photograph(), maps_a.size
    )[:, 0]
    return {"contrast": contrast(logits), "reliability": reliability(claimed, matched(logits))}
