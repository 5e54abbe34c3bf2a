"""Points on everything that can be seen from some places, with exact labels: a scan without noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore import EmbreeDevice
from embreex.rtcore_scene import EmbreeScene
from jaxtyping import Bool, Float, Float32, Int64, UInt8

from condense_ns.synthetic.materials import mixtures
from condense_ns.synthetic.photographer import srgb_bytes
from condense_ns.synthetic.scene import SyntheticScene
from condense_ns.synthetic.surfaces import Surfaces, interpolated, surfaces

FINENESS = np.float32(0.003)  # metres; patterns are averaged over this
_GAP = np.float32(2e-3)  # metres from a surface to where its lines of sight begin
_MOST_ROUNDS = 20


@dataclass(frozen=True)
class SurfacePoints:
    """Points, spread evenly by area."""

    position: Float32[np.ndarray, "points 3"]
    """Metres."""
    normal: Float32[np.ndarray, "points 3"]
    """Unit length, out of the thing."""
    rgb: UInt8[np.ndarray, "points 3"]
    """The surface's own colour without any light, sRGB."""
    classes: Int64[np.ndarray, " points"]
    """Place in `CLASS_NAMES`."""
    instances: Int64[np.ndarray, " points"]
    """Place in the scene's instances plus one."""
    parts: Int64[np.ndarray, " points"]
    """Number of the part among those of all things, in their order."""


def surface_points(
    scene: SyntheticScene, eyes: Float[np.ndarray, "eyes 3"], count: int, seed: int
) -> SurfacePoints:
    """Points that are seen from at least one of the places.

    Args:
        scene: what is scanned.
        eyes: places in the room, metres.
        count: points; fewer only if hardly anything is seen.
        seed: of their places.
    """
    rng = np.random.default_rng((scene.seed, seed, 13))
    tables = surfaces(scene)
    embree = EmbreeScene(EmbreeDevice())
    mesh = TriangleMesh(embree, tables.corners)  # the scene does not keep it alive
    edges = tables.corners[:, 1:] - tables.corners[:, :1]
    share = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1).cumsum()
    rounds: list[SurfacePoints] = []
    for _ in range(_MOST_ROUNDS):
        triangle = np.searchsorted(share, rng.random(count) * share[-1]).clip(max=len(share) - 1)
        drawn = _points(tables, triangle, rng.random((count, 2), np.float32))
        rounds.append(_chosen(drawn, _seen(embree, drawn, eyes)))
        if sum(len(part.position) for part in rounds) >= count:
            break
    del mesh
    joined = [np.concatenate(values) for values in zip(*map(_values, rounds), strict=True)]
    return SurfacePoints(*(values[:count] for values in joined))


def _points(
    tables: Surfaces, triangle: Int64[np.ndarray, " drawn"], uv: Float32[np.ndarray, "drawn 2"]
) -> SurfacePoints:
    """Points of triangles; uv outside the triangle is mirrored into it."""
    outside = uv.sum(axis=1) > 1.0
    uv[outside] = 1.0 - uv[outside]
    u, v = uv.T
    corners = tables.corners[triangle]
    first = corners[:, 0]
    position = first + (corners[:, 1] - first) * u[:, None] + (corners[:, 2] - first) * v[:, None]
    normal = interpolated(tables.normals, triangle, u, v).T
    part = tables.part[triangle]
    mixture = mixtures(
        tables.pattern[part],
        interpolated(tables.local, triangle, u, v),
        tables.period[part],
        np.full(len(part), FINENESS),
    )
    colours = tables.colours[part]
    return SurfacePoints(
        position=position.astype(np.float32),
        normal=(normal / np.linalg.norm(normal, axis=1, keepdims=True)).astype(np.float32),
        rgb=srgb_bytes(colours[:, :3] + colours[:, 3:] * mixture[:, None]),
        classes=tables.class_id[part].astype(np.int64),
        instances=tables.instance[part].astype(np.int64),
        parts=part.astype(np.int64),
    )


def _seen(
    embree: EmbreeScene, points: SurfacePoints, eyes: Float[np.ndarray, "eyes 3"]
) -> Bool[np.ndarray, " drawn"]:
    """Whether the line to one of the eyes at least leaves the surface outwards and meets nothing."""
    seen = np.zeros(len(points.position), bool)
    start = points.position + points.normal * _GAP
    for eye in eyes.astype(np.float32):
        rest = np.flatnonzero(~seen)
        way = eye - start[rest]
        facing = np.einsum("ij,ij->i", way, points.normal[rest]) > 0
        rest, way = rest[facing], way[facing]
        if len(rest) == 0:
            continue
        limit = np.ones(len(rest), np.float32)  # the direction is the whole way to the eye
        blocked = embree.run(start[rest], way, limit, query="OCCLUDED")
        seen[rest[blocked < 0]] = True
    return seen


def _chosen(points: SurfacePoints, chosen: Bool[np.ndarray, " drawn"]) -> SurfacePoints:
    return SurfacePoints(*(values[chosen] for values in _values(points)))


def _values(points: SurfacePoints) -> Sequence[np.ndarray]:
    return (
        points.position,
        points.normal,
        points.rgb,
        points.classes,
        points.instances,
        points.parts,
    )
