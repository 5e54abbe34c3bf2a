"""Closed meshes of which things are built, in metres, z up; each stands on height `z` at (`x`, `y`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import trimesh
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Solid:
    """A mesh whose corners carry normals of their own, so that edges stay sharp where they should."""

    corners: Float[np.ndarray, "triangles 3 3"]
    """Corners of each triangle, counter-clockwise seen from outside."""
    normals: Float[np.ndarray, "triangles 3 3"]
    """Unit normals at the corners."""

    @cached_property
    def points(self) -> Float[np.ndarray, "points 3"]:
        """The corners, each once."""
        return np.unique(self.corners.reshape(-1, 3).round(6), axis=0)

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, turn: float = 0.0) -> "Solid":
        """Turned about the vertical axis (radians), then moved."""
        sine, cosine = np.sin(turn), np.cos(turn)
        rotation = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
        return Solid(self.corners @ rotation.T + np.array([x, y, z]), self.normals @ rotation.T)

    def tilted(self, axis: Sequence[float], angle: float) -> "Solid":
        """Turned about an axis through the origin, radians."""
        rotation = np.asarray(trimesh.transformations.rotation_matrix(angle, axis))[:3, :3]
        return Solid(self.corners @ rotation.T, self.normals @ rotation.T)


def block(
    width: float, depth: float, height: float, x: float = 0.0, y: float = 0.0, z: float = 0.0
) -> Solid:
    """A box."""
    mesh = trimesh.creation.box((width, depth, height))
    return _faceted(mesh).moved(x, y, z + height / 2)


def cushion(
    width: float, depth: float, height: float, x: float = 0.0, y: float = 0.0, z: float = 0.0
) -> Solid:
    """A box with bulging sides: a superellipsoid of exponent four."""
    sphere = _unit_sphere()
    directions = sphere.vertices
    radii = np.sum(np.abs(directions) ** 4, axis=1) ** -0.25
    half = np.array([width, depth, height]) / 2
    return _smooth(directions * radii[:, None] * half, sphere.faces).moved(x, y, z + height / 2)


def rod(
    radius: float, height: float, x: float = 0.0, y: float = 0.0, z: float = 0.0, top: float = -1.0
) -> Solid:
    """A cylinder, or a truncated cone if the radius at its `top` is given."""
    upper = radius if top < 0.0 else top
    return lathe([(radius, 0.0), (upper, height)], x, y, z, sections=20)


def ball(radius: float, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Solid:
    """A sphere that touches height z."""
    sphere = _unit_sphere()
    return _smooth(sphere.vertices * radius, sphere.faces).moved(x, y, z + radius)


def ring(radius: float, thickness: float, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Solid:
    """A torus standing upright in the xz plane, its centre at (x, y, z)."""
    mesh = trimesh.creation.torus(radius, thickness, major_sections=24, minor_sections=10)
    solid = _smooth(mesh.vertices, mesh.faces)
    return solid.tilted((1.0, 0.0, 0.0), np.pi / 2).moved(x, y, z)


def lathe(
    profile: Sequence[tuple[float, float]],
    x: float = 0.0,
    y: float = 0.0,
    z: float = 0.0,
    sections: int = 32,
) -> Solid:
    """A profile of (radius, height) points, bottom first, turned about the vertical axis and closed.

    The flanks are smooth around the axis and faceted along it where the profile has a corner.
    """
    points = np.asarray(profile, dtype=np.float64)
    angles = np.linspace(0.0, 2 * np.pi, sections + 1)
    bands = [
        _band(points[at], points[at + 1], angles)
        for at in range(len(points) - 1)
        if not np.allclose(points[at], points[at + 1])
    ]
    bottom, top = points[0], points[-1]
    bands.append(_band(np.array([0.0, bottom[1]]), bottom, angles))
    bands.append(_band(top, np.array([0.0, top[1]]), angles))
    corners = np.concatenate([band[0] for band in bands])
    normals = np.concatenate([band[1] for band in bands])
    edges = corners[:, 1:] - corners[:, :1]
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    return Solid(corners[area > 1e-12], normals[area > 1e-12]).moved(x, y, z)


def _band(
    lower: Float[np.ndarray, " 2"],
    upper: Float[np.ndarray, " 2"],
    angles: Float[np.ndarray, " borders"],
) -> tuple[Float[np.ndarray, "triangles 3 3"], Float[np.ndarray, "triangles 3 3"]]:
    """Corners and normals of the cone between two points of a profile."""
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def circle(point: Float[np.ndarray, " 2"]) -> Float[np.ndarray, "borders 3"]:
        return np.column_stack([around * point[0], np.full(len(angles), point[1])])

    rise, growth = upper[1] - lower[1], upper[0] - lower[0]
    slope = max(float(np.hypot(rise, growth)), 1e-12)  # a disc of no radius has no normal
    normal = np.column_stack([around * rise, np.full(len(angles), -growth)]) / slope
    low, high = circle(lower), circle(upper)
    corners = np.concatenate(
        [
            np.stack([low[:-1], low[1:], high[1:]], axis=1),
            np.stack([low[:-1], high[1:], high[:-1]], axis=1),
        ]
    )
    normals = np.concatenate(
        [
            np.stack([normal[:-1], normal[1:], normal[1:]], axis=1),
            np.stack([normal[:-1], normal[1:], normal[:-1]], axis=1),
        ]
    )
    return corners, normals


@cache
def _unit_sphere() -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=3)


def _faceted(mesh: trimesh.Trimesh) -> Solid:
    corners = np.asarray(mesh.triangles, dtype=np.float64)
    return Solid(corners, np.repeat(np.asarray(mesh.face_normals)[:, None], 3, axis=1))


def _smooth(vertices: Float[np.ndarray, "vertices 3"], faces: Int[np.ndarray, "faces 3"]) -> Solid:
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    return Solid(np.asarray(mesh.triangles), np.asarray(mesh.vertex_normals)[mesh.faces])
