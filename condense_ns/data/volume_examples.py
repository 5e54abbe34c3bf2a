"""Views of open scenes -> examples of condense-pretrain."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.annotations import SceneAnnotations, read_annotations
from condense_ns.data.example_making import POOL, TRIES
from condense_ns.data.open_scenes import OpenScene
from condense_ns.data.prepared_scenes import PreparedScenes
from condense_ns.data.volume_kinds import VolumeSource
from condense_ns.encoders.base import TextImageEncoder
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import grid_places
from condense_ns.keypoints.prior import classical_logits
from condense_ns.pretraining.pair_landings import pair_landings
from condense_ns.pretraining.pretrain_example import CaptionedCells, PretrainExample
from condense_ns.pretraining.seen_cells import stacked_cells

COARSER_SHARE = 0.25
"""Of the examples, in voxels of twice the size: scenes to come may be cut more coarsely."""


def drawn_views(
    opened: OpenScene, prepared: PreparedScenes, count: int, generator: np.random.Generator
) -> list[int]:
    """A random training view and others that overlap it, in random order.

    Args:
        opened: the scene.
        prepared: knows what overlaps.
        count: of views; fewer if the scene has no more.
        generator: makes every choice.

    Raises:
        UserError: none of ten views drawn shares anything with the others.
    """
    training, problem = opened.scene.training, None
    for _ in range(TRIES):
        view = training[int(generator.integers(len(training)))]
        if count == 1:
            return [view]
        try:
            pool = prepared.overlapping(opened, view, POOL * (count - 1))
        except UserError as error:
            problem = error
            continue
        drawn = generator.choice(len(pool), min(count - 1, len(pool)), replace=False)
        return [view, *(pool[at] for at in drawn)]
    assert problem is not None
    raise problem


def drawn_source(
    opened: OpenScene, prepared: PreparedScenes, generator: np.random.Generator
) -> VolumeSource:
    """A random kind of source that the scene has, now and then in voxels of twice the size."""
    kinds = prepared.kinds(opened)
    kind = kinds[int(generator.integers(len(kinds)))]
    return VolumeSource(kind, halvings=int(generator.random() < COARSER_SHARE))


def volume_example(
    opened: OpenScene,
    prepared: PreparedScenes,
    views: list[int],
    source: VolumeSource,
    turn: int,
    encoders: tuple[str, ...],
    below: int = 0,
) -> PretrainExample:
    """A scene's volume with some views and their features.

    Args:
        opened: the scene.
        prepared: makes and keeps what is needed.
        views: numbers of views of the scene.
        source: which volume.
        turn: how it stands, see `volumes.turned`.
        encoders: specs; their maps are extracted if they are not stored.
        below: how many of their last blocks are trained; what enters these comes with the example.

    Raises:
        UserError: an encoder cannot be used, or the scene has no volume.
    """
    found = prepared.prepared(opened, source, turn)
    features = {spec: prepared.maps(opened, spec, views) for spec in encoders}
    target = opened.scene.masked_views(views).to(found.numbers.device)
    seen, landings, sighted = {}, {}, {}
    for spec, maps in features.items():
        grid = maps.shape[1], maps.shape[2]
        each = [prepared.cells(opened, source, view, grid) for view in views]
        seen[spec] = stacked_cells(each).renumbered(found.numbers)
        if len(views) > 1:
            sights = [prepared.measured(opened, *one) for one in zip(views, each, strict=True)]
            landings[spec] = pair_landings(seen[spec], target)
            sighted[spec] = pair_landings(stacked_cells(sights), target)
    return PretrainExample(
        scene=opened.scene.name,
        numbers=tuple(views),
        target=target,
        volume=found.volume,
        pyramid=found.pyramid,
        seen=seen,
        features=features,
        trunks={spec: prepared.trunks(opened, spec, below, views) for spec in encoders}
        if below
        else {},
        landings=landings,
        sighted=sighted,
    )


def with_priors(
    example: PretrainExample, opened: OpenScene, prepared: PreparedScenes
) -> PretrainExample:
    """The example with a detector's logits at the cells of its first encoder."""
    seen = next(iter(example.seen.values()))
    grid = (seen.rows, seen.columns)

    def of_view(view: int) -> Tensor:
        logits = classical_logits(opened.scene.image(view), "shi-tomasi")
        return F.adaptive_max_pool2d(logits[None], grid)[0]

    priors = [
        prepared.kept(opened, ("prior", view, grid), partial(of_view, view))
        for view in example.numbers
    ]
    return replace(example, priors=torch.stack(priors))


def with_captions(
    example: PretrainExample, opened: OpenScene, prepared: PreparedScenes
) -> PretrainExample:
    """The example with what is where, for encoders with text, if things of the scene are annotated."""
    annotations = annotated_things(opened.scene.folder)
    if annotations is None:
        return example
    found = {}
    for spec, seen in example.seen.items():
        encoder = opened.teachers[spec]
        if isinstance(encoder, TextImageEncoder):
            things = [
                prepared.kept(
                    opened,
                    ("things", view, seen.rows, seen.columns),
                    partial(_thing_of_cells, annotations, opened, view, seen.rows, seen.columns),
                )
                for view in example.numbers
            ]
            words = _captions(annotations)
            caption = torch.tensor([words.index(thing.caption) for thing in annotations.things])
            found[spec] = CaptionedCells(
                thing=torch.stack(things),
                caption=prepared.kept(opened, ("caption",), lambda numbers=caption: numbers),
                embeddings=prepared.kept(
                    opened, ("embeddings", spec), partial(encoder.encode_text, words)
                ),
                sharpness=float(encoder.inverse_temperature),
            )
    return replace(example, captions=found)


def annotated_things(folder: Path) -> SceneAnnotations | None:
    """The annotations of a scene in which there are things; None of any other.

    Raises:
        UserError: they cannot be read.
    """
    annotations = read_annotations(folder)
    return annotations if annotations is not None and annotations.things else None


def _captions(annotations: SceneAnnotations) -> list[str]:
    """Different captions of things, the scene's own behind them."""
    captions = [thing.caption for thing in annotations.things]
    scene = annotations.caption or f"a place with {', '.join(captions[:8])}"
    return [*dict.fromkeys(caption for caption in captions if caption != scene), scene]


def _thing_of_cells(
    annotations: SceneAnnotations, opened: OpenScene, view: int, rows: int, columns: int
) -> Int64[Tensor, " cells"]:
    """Number of the thing at the centre of each cell, -1 for none."""
    instances = annotations.instance_map(opened.scene.file(view))
    if instances is None:
        return torch.full((rows * columns,), -1)
    numbers = torch.from_numpy(instances)
    height, width = numbers.shape
    pixels = (grid_places(rows, columns) * torch.tensor([width, height])).long()
    return numbers[pixels[:, 1], pixels[:, 0]] - 1
