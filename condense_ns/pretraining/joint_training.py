"""One step of condense-pretrain: losses of a few scenes, each with a few of its views.

Every encoder of the run has its own cells, rays through their centres and decoder. Outputs of several
layers of one network are several encoders here (for example ``onnx:net.onnx#early`` and
``onnx:net.onnx#late``): MVNet's transfer at several levels.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.interpolation import sample_cells
from condense_ns.geometry.pinhole import grid_places
from condense_ns.losses.branches import (
    LEAST_OPACITY,
    condense_losses,
    feature_distance,
    two_view_losses,
)
from condense_ns.losses.correspondence import landing_distance
from condense_ns.losses.language import caption_contrast, pooled_regions
from condense_ns.pretraining.joint_network import JointNetwork
from condense_ns.pretraining.pair_landings import Landings
from condense_ns.pretraining.pretrain_example import CaptionedCells, PretrainExample, TrunkMap
from condense_ns.pretraining.score_training import score_losses
from condense_ns.pretraining.seen_cells import SeenCells

OBJECTIVES = ("condense", "mvnet", "sparse", "language")
"""What can be trained for."""
OF_NOTHING = {
    "condense": "anchor",
    "mvnet": "transfer",
    "sparse": "score_consistency",
    "language": "language",
}
"""Objective -> what the loss of examples that have none is called."""
Losses = dict[str, Float[Tensor, ""]]


@dataclass(frozen=True)
class _Branches:
    """What both branches say of the cells of one encoder, standardised."""

    rendered: Float[Tensor, "views cells channels"]
    refined: Float[Tensor, "views rows columns channels"]
    original: Float[Tensor, "views rows columns channels"]


def joint_losses(
    network: JointNetwork, examples: Sequence[PretrainExample], objectives: Collection[str]
) -> Losses:
    """Losses of examples, not weighted, averaged over those that have them.

    Examples that have none at all, as scenes without annotations for ``language`` alone, have one that is zero.

    Args:
        network: to be trained.
        examples: at least one, each with the features of all encoders.
        objectives: at least one of `OBJECTIVES`.
    """
    found: dict[str, list[Tensor]] = {}
    all_latents = network.latents(examples)
    for example, latents in zip(examples, all_latents, strict=True):
        for name, loss in _example_losses(network, example, latents, objectives):
            found.setdefault(name, []).append(loss)
    if not found:
        zero = sum(0.0 * latents.sum() for latents in all_latents)
        return {OF_NOTHING[next(iter(objectives))]: torch.as_tensor(zero)}
    return {name: torch.stack(losses).mean() for name, losses in found.items()}


def _example_losses(
    network: JointNetwork,
    example: PretrainExample,
    latents: Float[Tensor, "voxels latent"],
    objectives: Collection[str],
) -> list[tuple[str, Tensor]]:
    """Names and losses; those of several encoders under the same name."""
    losses: list[tuple[str, Tensor]] = []
    first = next(iter(example.features), None)
    for spec, maps in example.features.items():
        seen = example.seen[spec]
        trunks = example.trunks.get(spec, ())
        both = _branches(network, spec, seen, maps, latents, trunks)
        landings = example.landings.get(spec)
        if "condense" in objectives:
            losses += _agreement(network, spec, both, example).items()
        if "mvnet" in objectives:
            projected = network.decoded(spec, seen.projected(latents))
            losses.append(("transfer", _transfer(projected, both, seen)))
        if "language" in objectives and spec in example.captions:
            losses.append(("language", _language(network, spec, example, both)))
        if spec == first and landings is not None:
            if "mvnet" in objectives:
                found = _correspondence(network, seen, landings, latents)
                losses.append(("correspondence", found))
            if "sparse" in objectives:
                refined, priors = both.refined, example.priors
                of_scores = score_losses(network, seen, landings, latents, refined, priors)
                losses += of_scores.items()
    return losses


def _branches(
    network: JointNetwork,
    spec: str,
    seen: SeenCells,
    maps: Float[Tensor, "views rows columns channels"],
    latents: Float[Tensor, "voxels latent"],
    trunks: Sequence[TrunkMap],
) -> _Branches:
    original = network.standardised(spec, maps)
    rendered = network.decoded(spec, seen.composite(latents))
    return _Branches(rendered, network.refined(spec, original, trunks), original)


def _agreement(
    network: JointNetwork, spec: str, both: _Branches, example: PretrainExample
) -> Losses:
    """The objective ``condense``; photographs do not follow what was rendered without colours."""
    losses = condense_losses(
        both.rendered.flatten(0, 1),
        both.refined.flatten(0, 2),
        both.original.flatten(0, 2),
        example.seen[spec].opacity.flatten(),
        example.seen[spec].counted.flatten(),
    )
    if not example.volume.coloured:
        del losses["refined"]
    if spec in example.landings:
        losses |= _between_views(
            network, spec, both, example.sighted.get(spec, example.landings[spec])
        )
    return losses


def _between_views(network: JointNetwork, spec: str, both: _Branches, landings: Landings) -> Losses:
    """What the 2D branch says of a surface, beside what is said of it in the next view."""
    maps = torch.cat([both.original, both.refined], dim=-1).roll(-1, dims=0)
    there = sample_cells(maps, landings.places.clamp(0, 1)).flatten(0, 1)
    original, refined = there.chunk(2, dim=-1)
    here, shared = both.refined.flatten(0, 2), landings.shared.flatten().to(there)
    return two_view_losses(here, original, refined, network.read_out(spec, here), shared)


def _transfer(
    projected: Float[Tensor, "views cells channels"], both: _Branches, seen: SeenCells
) -> Float[Tensor, ""]:
    """Visible voxels know what the frozen encoder says of the pixels that they cover."""
    wanted = both.original.flatten(0, 2)
    return feature_distance(projected.flatten(0, 1), wanted, seen.visible.flatten().to(wanted))


def _correspondence(
    network: JointNetwork,
    seen: SeenCells,
    landings: Landings,
    latents: Float[Tensor, "voxels latent"],
) -> Float[Tensor, ""]:
    """Where cells of each view land in the next one, told from the projected latents of both."""
    head = network.correspondence
    return landing_distance(
        head(seen.projected(latents)),
        seen.visible,
        grid_places(seen.rows, seen.columns, latents.device),
        landings.places,
        landings.shared,
        head.sharpness,
    )


def _language(
    network: JointNetwork, spec: str, example: PretrainExample, both: _Branches
) -> Float[Tensor, ""]:
    """Pooled features of things, and of all that is seen, near the captions' embeddings."""
    words: CaptionedCells = example.captions[spec]
    opacity = example.seen[spec].opacity.flatten()
    weights = opacity * (opacity >= LEAST_OPACITY)
    decoder = network.decoders.of_encoder(spec)
    features = both.rendered.flatten(0, 1)
    features = features * decoder.scale + decoder.mean
    things, totals = pooled_regions(features, words.thing.flatten(), weights, len(words.caption))
    everything = torch.zeros_like(words.thing.flatten())
    scene, _ = pooled_regions(features, everything, weights, 1)
    last = torch.full_like(words.caption[:1], len(words.embeddings) - 1)
    return caption_contrast(
        torch.cat([things, scene]),
        words.embeddings,
        torch.cat([words.caption, last]),
        torch.cat([(totals > 0).to(weights), weights.new_ones(1)]),
        words.sharpness,
    )
