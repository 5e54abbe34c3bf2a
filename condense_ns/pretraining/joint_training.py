"""One step of condense-pretrain: losses of a few scenes, each with a few of its views.

Every encoder of the run has its own cells, rays through their centres and decoder. Outputs of several
layers of one network are several encoders here (for example ``onnx:net.onnx#early`` and
``onnx:net.onnx#late``): MVNet's transfer at several levels.
"""

from collections.abc import Collection, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.pinhole import grid_places
from condense_ns.losses.branches import LEAST_OPACITY, agreement_losses, feature_distance
from condense_ns.losses.correspondence import landing_distance
from condense_ns.losses.language import caption_contrast, pooled_regions
from condense_ns.pretraining.joint_network import JointNetwork
from condense_ns.pretraining.pair_landings import Landings
from condense_ns.pretraining.pretrain_example import CaptionedCells, PretrainExample
from condense_ns.pretraining.refinement import RefinedMaps, refined_maps, refinement_losses
from condense_ns.pretraining.score_training import score_losses
from condense_ns.pretraining.seen_cells import SeenCells

OBJECTIVES = ("condense", "refine", "mvnet", "sparse", "language")
"""What can be trained for."""
OF_NOTHING = {
    "condense": "anchor",
    "refine": "anchor",
    "mvnet": "transfer",
    "sparse": "score_consistency",
    "language": "language",
}
"""Objective -> what the loss of examples that have none is called."""
Losses = dict[str, Float[Tensor, ""]]


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
    in_3d = any(objective != "refine" for objective in objectives)
    all_latents = network.latents(examples) if in_3d else [None] * len(examples)
    for example, latents in zip(examples, all_latents, strict=True):
        for name, loss in _example_losses(network, example, latents, objectives):
            found.setdefault(name, []).append(loss)
    if not found:
        zero = sum(0.0 * weight.sum() for weight in network.parameters() if weight.requires_grad)
        return {OF_NOTHING[next(iter(objectives))]: torch.as_tensor(zero)}
    return {name: torch.stack(losses).mean() for name, losses in found.items()}


def _example_losses(
    network: JointNetwork,
    example: PretrainExample,
    latents: Float[Tensor, "voxels latent"] | None,
    objectives: Collection[str],
) -> list[tuple[str, Tensor]]:
    """Names and losses; those of several encoders under the same name."""
    losses: list[tuple[str, Tensor]] = []
    for spec, features in example.features.items():
        maps = refined_maps(network, spec, features, example.trunks.get(spec, ()))
        if not {"refine", "condense"}.isdisjoint(objectives):
            losses += refinement_losses(maps, example, spec).items()
        if latents is not None:
            losses += _losses_in_3d(network, example, spec, latents, maps, objectives)
    return losses


def _losses_in_3d(
    network: JointNetwork,
    example: PretrainExample,
    spec: str,
    latents: Float[Tensor, "voxels latent"],
    maps: RefinedMaps,
    objectives: Collection[str],
) -> list[tuple[str, Tensor]]:
    losses: list[tuple[str, Tensor]] = []
    seen, landings = example.seen[spec], example.landings.get(spec)
    rendered = network.decoded(spec, seen.composite(latents))
    if "condense" in objectives:
        losses += _agreement(rendered, maps, example, spec).items()
    if "mvnet" in objectives:
        projected = network.decoded(spec, seen.projected(latents))
        losses.append(("transfer", _transfer(projected, maps, seen)))
    if "language" in objectives and spec in example.captions:
        losses.append(("language", _language(network, spec, example, rendered)))
    if spec == next(iter(example.features)) and landings is not None:
        if "mvnet" in objectives:
            found = _correspondence(network, seen, landings, latents)
            losses.append(("correspondence", found))
        if "sparse" in objectives:
            priors = example.priors
            of_scores = score_losses(network, seen, landings, latents, maps.refined, priors)
            losses += of_scores.items()
    return losses


def _agreement(
    rendered: Float[Tensor, "views cells channels"],
    maps: RefinedMaps,
    example: PretrainExample,
    spec: str,
) -> Losses:
    """Of both branches; photographs do not follow what was rendered without colours."""
    opacity = example.seen[spec].opacity.flatten()
    losses = agreement_losses(rendered.flatten(0, 1), maps.read_out.flatten(0, 2), opacity)
    if not example.volume.coloured:
        del losses["refined"]
    return losses


def _transfer(
    projected: Float[Tensor, "views cells channels"], maps: RefinedMaps, seen: SeenCells
) -> Float[Tensor, ""]:
    """Visible voxels know what the frozen encoder says of the pixels that they cover."""
    wanted = maps.original.flatten(0, 2)
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
    network: JointNetwork,
    spec: str,
    example: PretrainExample,
    rendered: Float[Tensor, "views cells channels"],
) -> Float[Tensor, ""]:
    """Pooled features of things, and of all that is seen, near the captions' embeddings."""
    words: CaptionedCells = example.captions[spec]
    opacity = example.seen[spec].opacity.flatten()
    weights = opacity * (opacity >= LEAST_OPACITY)
    decoder = network.decoders.of_encoder(spec)
    features = rendered.flatten(0, 1)
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
