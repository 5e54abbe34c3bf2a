"""All triangles of a scene in tables that ray hits index."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from condense_ns.synthetic.scene import SyntheticScene
from condense_ns.synthetic.vocabulary import PATTERNS, class_number


@dataclass(frozen=True)
class Surfaces:
    """Triangles and materials; letters: t triangle, p part."""

    corners: Float[np.ndarray, "t 3 3"]
    """Corners in the room."""
    local: Float[np.ndarray, "t 9"]
    """First corner and the two edges from it in the thing's own space, where patterns live."""
    normals: Float[np.ndarray, "t 9"]
    """Normal at the first corner, and its change along the two edges."""
    part: Int[np.ndarray, " t"]
    """Which part a triangle belongs to."""
    instance: Int[np.ndarray, " p"]
    """Number of the thing, from 1."""
    class_id: Int[np.ndarray, " p"]
    """Number of its class."""
    pattern: Int[np.ndarray, " p"]
    """Place in `PATTERNS`."""
    period: Float[np.ndarray, " p"]
    """Metres."""
    colours: Float[np.ndarray, "p 6"]
    """First colour, and the way from it to the second."""
    gloss: Float[np.ndarray, " p"]
    """Strength of the highlight."""


def surfaces(scene: SyntheticScene) -> Surfaces:
    """The tables of a scene, single precision."""
    corners, local, normals, sizes, rows = [], [], [], [], []
    for number, placed in enumerate(scene.placed, start=1):
        class_id = class_number(placed.instance.class_name)
        for part, solid in zip(placed.parts, placed.solids(), strict=True):
            corners.append(solid.corners)
            local.append(_from_first(part.solid.corners))
            normals.append(_from_first(solid.normals))
            sizes.append(len(solid.corners))
            rows.append((number, class_id, part.material))
    materials = [row[2] for row in rows]
    first = np.array([material.first for material in materials])
    second = np.array([material.second for material in materials])
    return Surfaces(
        corners=np.concatenate(corners).astype(np.float32),
        local=np.concatenate(local).astype(np.float32),
        normals=np.concatenate(normals).astype(np.float32),
        part=np.repeat(np.arange(len(rows)), sizes),
        instance=np.array([row[0] for row in rows]),
        class_id=np.array([row[1] for row in rows]),
        pattern=np.array([PATTERNS.index(material.pattern) for material in materials]),
        period=np.array([material.period for material in materials], np.float32),
        colours=np.concatenate([first, second - first], axis=1).astype(np.float32),
        gloss=np.array([material.gloss for material in materials], np.float32),
    )


def interpolated(
    table: Float32[np.ndarray, "t 9"],
    triangle: Int[np.ndarray, " points"],
    u: Float32[np.ndarray, " points"],
    v: Float32[np.ndarray, " points"],
) -> Float32[np.ndarray, "3 points"]:
    """Values of `local` or `normals` within triangles, at shares u and v of their two edges."""
    chosen = np.ascontiguousarray(table.take(triangle, axis=0).T)
    return chosen[:3] + chosen[3:6] * u + chosen[6:] * v


def _from_first(triples: Float[np.ndarray, "t 3 3"]) -> Float[np.ndarray, "t 9"]:
    """Values at the first corner and differences to it, so that u and v interpolate."""
    first = triples[:, 0]
    return np.concatenate([first, triples[:, 1] - first, triples[:, 2] - first], axis=1)
