"""Photographs of made-up scenes by ray casting (embree), with the exact truth of every pixel.

Depth, class and instance are those of the ray through the pixel's centre. Colours are averaged over
four rays where the centre's neighbours see another surface, so that outlines are smooth as in a
photograph. Shading: one lamp with shadows (Lambert and Blinn-Phong) and light from all around.
"""

from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore import EmbreeDevice
from embreex.rtcore_scene import EmbreeScene
from jaxtyping import Bool, Float, Float32, UInt8, UInt16

from condense_ns.synthetic.materials import mixtures
from condense_ns.synthetic.scene import SyntheticScene
from condense_ns.synthetic.surfaces import surfaces
from condense_ns.synthetic.trajectories import SyntheticCamera

_CHUNK = 16384  # rays whose tables stay in a core's cache
_SHADOW_GAP = np.float32(1e-3)  # metres from a surface to where its shadow rays begin
_CORNERS = np.array([[0.375, -0.125], [-0.375, 0.125], [0.125, 0.375], [-0.125, -0.375]])
"""Four rays within a pixel, relative to its centre: a rotated grid."""


@dataclass(frozen=True)
class Photograph:
    """What a camera sees, and what is there."""

    rgb: UInt8[np.ndarray, "height width 3"]
    """sRGB."""
    depth: Float32[np.ndarray, "height width"]
    """Along the camera's axis, metres; 0 where no surface is seen."""
    classes: UInt8[np.ndarray, "height width"]
    """Place in `CLASS_NAMES`."""
    instances: UInt16[np.ndarray, "height width"]
    """Place in the scene's instances plus one; 0 where no surface is seen."""


@dataclass(frozen=True)
class _Hits:
    """Where rays end."""

    triangle: np.ndarray
    """Number, -1 for none."""
    distance: Float32[np.ndarray, " rays"]
    colour: Float32[np.ndarray, "rays 3"]
    """Linear RGB."""


class Photographer:
    """Takes photographs of one scene."""

    def __init__(self, scene: SyntheticScene) -> None:
        self._light = scene.light
        self._surfaces = surfaces(scene)
        self._embree = EmbreeScene(EmbreeDevice())
        self._mesh = TriangleMesh(self._embree, self._surfaces.corners)

    def photograph(self, camera: SyntheticCamera) -> Photograph:
        """One photograph."""
        columns, rows = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
        pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
        centre = self._cast(camera, pixels)
        size = (camera.height, camera.width)
        seen = centre.triangle >= 0
        part = np.where(seen, self._surfaces.part[centre.triangle], -1)
        edge = _edges(part.reshape(size)).ravel()
        colour = centre.colour
        if edge.any():
            around = (pixels[edge][:, None] + _CORNERS).reshape(-1, 2)
            colour[edge] = self._cast(camera, around).colour.reshape(-1, 4, 3).mean(axis=1)
        axial = camera.focal / np.sqrt(
            camera.focal**2
            + ((pixels - np.array([camera.width, camera.height]) / 2) ** 2).sum(axis=1)
        )
        return Photograph(
            rgb=srgb_bytes(colour).reshape(*size, 3),
            depth=np.where(seen, centre.distance * axial, 0.0).astype(np.float32).reshape(size),
            classes=_looked_up(self._surfaces.class_id, part).astype(np.uint8).reshape(size),
            instances=_looked_up(self._surfaces.instance, part).astype(np.uint16).reshape(size),
        )

    def _cast(self, camera: SyntheticCamera, pixels: Float[np.ndarray, "rays 2"]) -> _Hits:
        """Rays through continuous pixels, shaded."""
        pose = camera.camera_to_world
        x = (pixels[:, 0] - camera.width / 2) / camera.focal
        y = (camera.height / 2 - pixels[:, 1]) / camera.focal
        rays = np.stack([x, y, -np.ones(len(x))], axis=1) @ pose[:, :3].T
        rays = (rays / np.linalg.norm(rays, axis=1, keepdims=True)).astype(np.float32)
        origin = pose[:, 3].astype(np.float32)
        parts = [
            self._cast_chunk(origin, rays[start : start + _CHUNK], 1.0 / camera.focal)
            for start in range(0, len(rays), _CHUNK)
        ]
        return _Hits(
            np.concatenate([part.triangle for part in parts]),
            np.concatenate([part.distance for part in parts]),
            np.concatenate([part.colour for part in parts]),
        )

    def _cast_chunk(
        self, origin: Float32[np.ndarray, " 3"], rays: Float32[np.ndarray, "rays 3"], angle: float
    ) -> _Hits:
        found = self._embree.run(np.tile(origin, (len(rays), 1)), rays, output=True)
        triangle = found["primID"]
        distance = np.where(triangle >= 0, found["tfar"], np.float32(0))  # of none it is infinite
        hit = np.maximum(triangle, 0)
        u, v = found["u"][:, None], found["v"][:, None]
        position = origin + rays * distance[:, None]
        normal = _interpolated(self._surfaces.normals[hit], u, v)
        normal *= _reciprocal_length(normal)
        normal *= np.where(_dot(normal, rays) > 0, np.float32(-1), np.float32(1))[:, None]
        local = _interpolated(self._surfaces.local[hit], u, v)
        part = self._surfaces.part[hit]
        mixture = mixtures(
            self._surfaces.pattern[part],
            local,
            self._surfaces.period[part],
            distance * np.float32(angle),
        )
        colours = self._surfaces.colours[part]
        albedo = colours[:, :3] + colours[:, 3:] * mixture[:, None]
        colour = self._shaded(position, normal, rays, albedo, self._surfaces.gloss[part])
        colour[triangle < 0] = 0.0
        return _Hits(triangle, distance, colour)

    def _shaded(
        self,
        position: Float32[np.ndarray, "rays 3"],
        normal: Float32[np.ndarray, "rays 3"],
        rays: Float32[np.ndarray, "rays 3"],
        albedo: Float32[np.ndarray, "rays 3"],
        gloss: Float32[np.ndarray, " rays"],
    ) -> Float32[np.ndarray, "rays 3"]:
        """Light that leaves each point towards the camera, linear RGB."""
        start = position + normal * _SHADOW_GAP
        lamp = np.asarray(self._light.position, np.float32) - start
        facing = _dot(normal, lamp)
        # A shadow ray ends at the lamp: its direction is the whole way, hits beyond 1 do not count.
        blocked = self._embree.run(start, lamp, np.ones(len(start), np.float32), query="OCCLUDED")
        direction = lamp * _reciprocal_length(lamp)
        lit = np.where((blocked < 0) & (facing > 0), _dot(normal, direction), np.float32(0))
        half = direction - rays
        half *= _reciprocal_length(half)
        shine = np.clip(_dot(normal, half), 0, 1)
        for _ in range(5):  # to the power of 32
            shine *= shine
        shine *= gloss * (lit > 0)
        above = 0.75 + 0.25 * normal[:, 2:3]
        lamp_colour = np.asarray(self._light.colour, np.float32)
        around = np.asarray(self._light.ambient, np.float32)
        return albedo * (lamp_colour * lit[:, None] + around * above) + shine[:, None] * lamp_colour


def _interpolated(
    table: Float32[np.ndarray, "rays 9"],
    u: Float32[np.ndarray, "rays 1"],
    v: Float32[np.ndarray, "rays 1"],
) -> Float32[np.ndarray, "rays 3"]:
    return table[:, :3] + table[:, 3:6] * u + table[:, 6:] * v


def _dot(
    a: Float32[np.ndarray, "rays 3"], b: Float32[np.ndarray, "rays 3"]
) -> Float32[np.ndarray, " rays"]:
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]


def _reciprocal_length(vectors: Float32[np.ndarray, "rays 3"]) -> Float32[np.ndarray, "rays 1"]:
    return (1 / np.sqrt(np.maximum(_dot(vectors, vectors), np.float32(1e-20))))[:, None]


def _looked_up(table: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Values of parts, 0 for none."""
    return np.where(part >= 0, table[part], 0)


def _edges(part: np.ndarray) -> Bool[np.ndarray, "height width"]:
    """Pixels of which a neighbour sees another part."""
    edge = np.zeros(part.shape, bool)
    across, down = part[:, 1:] != part[:, :-1], part[1:] != part[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def srgb_bytes(linear: Float32[np.ndarray, "pixels 3"]) -> UInt8[np.ndarray, "pixels 3"]:
    """Linear light -> sRGB bytes (IEC 61966-2-1), through a table."""
    return _SRGB[np.clip(linear * 4095.0 + 0.5, 0, 4095).astype(np.int32)]


def _srgb_table() -> UInt8[np.ndarray, " levels"]:
    linear = np.arange(4096) / 4095.0
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * curved).astype(np.uint8)


_SRGB = _srgb_table()
