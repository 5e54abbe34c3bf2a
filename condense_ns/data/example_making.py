"""Views of open scenes -> examples: which sources, their pictures, their features."""

from dataclasses import replace

import numpy as np

from condense_ns.data.open_scenes import OpenScene
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.lifting.lift_example import LiftExample

POOL = 2
"""Sources are drawn from so many times their number of the best ones."""
TRIES = 10
"""Targets drawn until one shares something with other views."""


def drawn_example(
    opened: OpenScene, counts: tuple[int, int], generator: np.random.Generator
) -> LiftExample:
    """A random training view with random sources among the best.

    Args:
        opened: the scene.
        counts: least and most sources.
        generator: makes every choice.

    Raises:
        UserError: none of ten views drawn shares anything with the others.
    """
    training, problem = opened.scene.training, None
    for _ in range(TRIES):
        view = training[int(generator.integers(len(training)))]
        count = int(generator.integers(counts[0], counts[1] + 1))
        try:
            pool = opened.anchors.select_sources(
                opened.scene.views[[view]], training, POOL * count, view=view
            )
        except UserError as error:
            problem = error
            continue
        drawn = generator.choice(len(pool), min(count, len(pool)), replace=False)
        return made_example(opened, view, [pool[at] for at in sorted(drawn)])
    assert problem is not None
    raise problem


def held_out_example(
    opened: OpenScene, view: int, count: int, least_angle: float = 0.0
) -> LiftExample:
    """A view with the best sources among the training views.

    Args:
        opened: the scene.
        view: the target.
        count: of sources.
        least_angle: degrees by which the sources' rays to the target's surfaces differ.

    Raises:
        UserError: no source is left, or none shares anything with the target.
    """
    scene = opened.scene
    sources = opened.anchors.select_sources(
        scene.views[[view]], scene.training, count, least_angle=least_angle, view=view
    )
    return made_example(opened, view, sources)


def made_example(opened: OpenScene, view: int, sources: list[int]) -> LiftExample:
    """The example of a target and its sources, without features."""
    scene = opened.scene
    target = scene.views[[view]]
    return LiftExample(
        scene=scene.name,
        view=view,
        target=scene.masked_views([view]),
        image=scene.image(view),
        depth=scene.depth(view),
        sources=scene.source_views(sources),
        depth_range=opened.anchors.depth_range(target),
        source_numbers=tuple(sources),
        target_features={},
        source_features={},
    )


def free_sources(
    opened: OpenScene, target: PinholeViews, count: int, least_angle: float = 0.0
) -> list[int]:
    """Numbers of the training views to render a camera from that is no view of the scene."""
    return opened.anchors.select_sources(
        target, opened.scene.training, count, least_angle=least_angle
    )


def with_features(example: LiftExample, opened: OpenScene, spec: str) -> LiftExample:
    """The example with the maps of one more encoder."""
    target = {spec: opened.maps(spec).map(example.view)}
    sources = {spec: opened.stacked_maps(spec, list(example.source_numbers))}
    return replace(
        example,
        target_features=example.target_features | target,
        source_features=example.source_features | sources,
    )
