"""Six ways to an operator's answer in a view, of which lift3d is the last.

==================  ============================================================================
``true image``      the operator on the target's own photograph: the reference, not consistent
``rendered image``  the operator on the colours that lift3d renders
``nearest source``  the map of the nearest source, warped by the depth that lift3d renders; nearest
                    among those that make the picture, which beats the nearest of all
``plain blending``  the sources' maps, mixed by colours alone: no corrector, and no say either
                    of the rendered picture, nor shares of the sources' paintings
``corrector off``   the whole method but for the corrector, with all its shares
``lift3d``          the whole method
==================  ============================================================================

The last two differ by the corrector alone, and so tell what it does; ``plain blending`` tells what mixing
by colours does (`methods.md` 3.6, row 4), and differs from ``lift3d`` by what the picture and paintings say, too.

No way but the first sees the target's photograph. The first two are the operator by itself, without what
it settles for a scene when it is lifted.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.interpolation import sample_cells, sample_maps
from condense_ns.geometry.pinhole import grid_places, pixel_rays, project_pinhole
from condense_ns.operators.base import Operator
from condense_ns.operators.checking import checked_encode
from condense_ns.pipelines.answer_pairs import Target
from condense_ns.pipelines.lifted_parts import Answered
from condense_ns.pipelines.scene_lifting import SceneLifter

TRUE, RENDERED, NEAREST, PLAIN, OFF, FULL = (
    "true image",
    "rendered image",
    "nearest source",
    "plain blending",
    "corrector off",
    "lift3d",
)
ROWS = (TRUE, RENDERED, NEAREST, PLAIN, OFF, FULL)


def answers(lifter: SceneLifter, operator: Operator, target: Target) -> dict[str, Answered]:
    """The operator's answer in each way.

    Args:
        lifter: of the scene.
        operator: prepared for the scene.
        target: the view.
    """
    lifted, rendered = target.lifted, target.lifted.picture
    own = lifter.working_map(operator, target.view)
    of_rendered = checked_encode(operator, rendered[None])[0]
    nearest = _nearest_map(lifter, operator, target)
    plain = lifter.blend(operator, lifted, corrected=False)
    return {
        TRUE: lifter.answer(operator, own, target.image, alone=True),
        RENDERED: lifter.answer(operator, of_rendered, rendered, alone=True),
        NEAREST: lifter.answer(operator, nearest, rendered),
        PLAIN: lifter.answer(operator, plain, rendered),
        OFF: lifter.lifted_answer(operator, lifted, corrected=False),
        FULL: lifter.lifted_answer(operator, lifted),
    }


def _nearest_map(
    lifter: SceneLifter, operator: Operator, target: Target
) -> Float[Tensor, "rows columns channels"]:
    look = target.lifted.look
    rows, columns = operator.grid_size(look.target.height, look.target.width)
    depth = target.lifted.rendered.depth[..., 0]
    small = F.interpolate(depth[None, None], (rows, columns), mode="nearest-exact")[0, 0]
    nearest = nearest_source(target)
    places = _landed(target, small, nearest)
    source_map = lifter.working_map(operator, target.lifted.sources[nearest])
    return sample_cells(source_map[None], places[None])[0].reshape(rows, columns, -1)


def nearest_source(target: Target) -> int:
    """Which of the sources that make the picture stands nearest to the target."""
    look = target.lifted.look.leading
    apart = torch.linalg.vector_norm(look.sources.centres - look.target.centres, dim=1)
    return int(apart.argmin())


def nearest_picture(target: Target) -> Float[Tensor, "height width 3"]:
    """The photograph of the nearest source, warped by the depth that was rendered."""
    look, depth = target.lifted.look, target.lifted.rendered.depth[..., 0]
    nearest = nearest_source(target)
    places = _landed(target, depth, nearest)[None]
    photograph = look.maps.images[nearest][None]
    return sample_maps(photograph, look.maps.padded(places))[0].reshape(*depth.shape, 3)


def _landed(
    target: Target, depth: Float[Tensor, "rows columns"], source: int
) -> Float[Tensor, "cells 2"]:
    """Where places of the target lie in a source; those outside, at its border."""
    look = target.lifted.look
    centre, directions = pixel_rays(grid_places(depth.shape[0], depth.shape[1]), look.target)
    points = centre + depth.reshape(-1, 1) * directions
    return project_pinhole(points, look.sources[[source]]).places[0].clamp(0, 1)
