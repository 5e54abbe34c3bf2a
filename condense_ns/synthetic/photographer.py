"""Photographs of made-up scenes by ray casting (embree), with the exact truth of every pixel.

Depth, class and instance are those of the ray through the pixel's centre. Colours are averaged over
four rays where the centre's neighbours see another surface, so that outlines are smooth as in a
photograph. Shading: one lamp with shadows (Lambert and Blinn-Phong) and light from all around.

Vectors of many rays are [3 rays], so that each coordinate lies together in memory.
"""

from dataclasses import dataclass, replace

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore import EmbreeDevice
from embreex.rtcore_scene import EmbreeScene
from jaxtyping import Bool, Float32, Int, UInt8, UInt16

from condense_ns.synthetic.grain import grained
from condense_ns.synthetic.materials import mixtures
from condense_ns.synthetic.scene import SyntheticScene
from condense_ns.synthetic.surfaces import interpolated, surfaces
from condense_ns.synthetic.trajectories import SyntheticCamera

_CHUNK = 8192  # rays whose tables stay in a core's cache
_SHADOW_GAP = np.float32(1e-3)  # metres from a surface to where its shadow rays begin
_CORNERS = np.array(
    [[[0.375], [-0.375], [0.125], [-0.125]], [[-0.125], [0.125], [0.375], [-0.375]]], np.float32
)
"""Four rays within a pixel, x and y relative to its centre: a rotated grid."""

Vectors = Float32[np.ndarray, "3 rays"]
Numbers = Float32[np.ndarray, " rays"]


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

    part: Int[np.ndarray, " rays"]
    """Number of the part, -1 for none."""
    depth: Numbers
    """Along the camera's axis, metres; 0 for none."""
    colour: Vectors
    """Linear RGB."""


class Photographer:
    """Takes photographs of one scene.

    Args:
        scene: what is photographed.
        grained: put fine patterns on its surfaces.
    """

    def __init__(self, scene: SyntheticScene, grained: bool = False) -> None:
        self._light, self._grain_seed = scene.light, scene.seed if grained else None
        self._surfaces = surfaces(scene)
        self._embree = EmbreeScene(EmbreeDevice())
        self._mesh = TriangleMesh(self._embree, self._surfaces.corners)

    def photograph(self, camera: SyntheticCamera) -> Photograph:
        """One photograph."""
        size = (camera.height, camera.width)
        rows, columns = np.indices(size, np.float32).reshape(2, -1) + np.float32(0.5)
        seen = self._cast(camera, columns, rows)
        edge = np.flatnonzero(_edges(seen.part.reshape(size)))
        if len(edge):
            x, y = np.stack([columns[edge], rows[edge]])[:, None] + _CORNERS
            around = self._cast(camera, x.ravel(), y.ravel()).colour
            seen.colour[:, edge] = around.reshape(3, 4, -1).mean(axis=1)
        photograph = Photograph(
            rgb=np.ascontiguousarray(srgb_bytes(seen.colour).T).reshape(*size, 3),
            depth=seen.depth.reshape(size),
            classes=_looked_up(self._surfaces.class_id.astype(np.uint8), seen.part).reshape(size),
            instances=_looked_up(self._surfaces.instance.astype(np.uint16), seen.part).reshape(
                size
            ),
        )
        return photograph if self._grain_seed is None else self._with_grain(photograph, camera)

    def _with_grain(self, photograph: Photograph, camera: SyntheticCamera) -> Photograph:
        """The same photograph with patterns on what it shows."""
        depth, focal = photograph.depth, np.float32(camera.focal)
        rows, columns = np.indices(depth.shape, np.float32) + np.float32(0.5)
        across = (columns - np.float32(camera.width / 2)) / focal
        up = (np.float32(camera.height / 2) - rows) / focal
        pose = camera.camera_to_world.astype(np.float32)
        local = np.stack([across, up, -np.ones_like(up)], axis=-1) * depth[..., None]
        xyz = local @ pose[:, :3].T + pose[:, 3]
        things, seed = photograph.instances.astype(np.int64), self._grain_seed
        assert seed is not None
        return replace(photograph, rgb=grained(photograph.rgb, xyz, depth / focal, things, seed))

    def _cast(self, camera: SyntheticCamera, x: Numbers, y: Numbers) -> _Hits:
        """Rays through continuous pixels, shaded."""
        pose, focal = camera.camera_to_world.astype(np.float32), np.float32(camera.focal)
        right = (x - np.float32(camera.width / 2)) / focal
        up = (np.float32(camera.height / 2) - y) / focal
        axial = 1 / np.sqrt(right * right + up * up + np.float32(1))
        rays = (pose[:, 0:1] * right + pose[:, 1:2] * up - pose[:, 2:3]) * axial
        parts = [
            self._cast_chunk(pose[:, 3], rays[:, start : start + _CHUNK], np.float32(1) / focal)
            for start in range(0, rays.shape[1], _CHUNK)
        ]
        part, distance, colour = (
            np.concatenate(values, axis=-1) for values in zip(*parts, strict=True)
        )
        return _Hits(part, distance * axial, colour)

    def _cast_chunk(
        self, origin: Float32[np.ndarray, " 3"], rays: Vectors, angle: np.float32
    ) -> tuple[Int[np.ndarray, " rays"], Numbers, Vectors]:
        """Part, distance and colour of each ray; a pixel spans the angle, radians."""
        tables = self._surfaces
        found = self._embree.run(np.tile(origin, (rays.shape[1], 1)), rays.T, output=True)
        missed = found["primID"] < 0
        distance = np.where(missed, np.float32(0), found["tfar"])  # of none it is infinite
        hit, uv = np.maximum(found["primID"], 0), (found["u"], found["v"])
        normal = interpolated(tables.normals, hit, *uv)
        normal *= np.copysign(_reciprocal_length(normal), -_dot(normal, rays))
        part = tables.part[hit]
        mixture = mixtures(
            tables.pattern[part],
            interpolated(tables.local, hit, *uv),
            tables.period[part],
            distance * angle,
        )
        colours = tables.colours.take(part, axis=0).T
        albedo = colours[:3] + colours[3:] * mixture
        position = origin[:, None] + rays * distance
        colour = self._shaded(position, normal, rays, albedo, tables.gloss[part])
        colour[:, missed] = 0.0
        return np.where(missed, -1, part), distance, colour

    def _shaded(
        self, position: Vectors, normal: Vectors, rays: Vectors, albedo: Vectors, gloss: Numbers
    ) -> Vectors:
        """Light that leaves each point towards the camera, linear RGB."""
        start = position + normal * _SHADOW_GAP
        lamp = np.asarray(self._light.position, np.float32)[:, None] - start
        facing = _dot(normal, lamp)
        # A shadow ray's direction is the whole way to the lamp; hits beyond 1 do not count. Surfaces
        # that face away need none: theirs end at once.
        limit = (facing > 0).astype(np.float32)
        blocked = self._embree.run(start.T, lamp.T, limit, query="OCCLUDED")
        nearness = _reciprocal_length(lamp)
        lit = np.where((blocked < 0) & (facing > 0), facing * nearness, np.float32(0))
        half = lamp * nearness - rays
        shine = np.clip(_dot(normal, half) * _reciprocal_length(half), 0, 1)
        for _ in range(5):  # to the power of 32
            shine *= shine
        shine *= gloss * (lit > 0)
        above = np.float32(0.75) + np.float32(0.25) * normal[2]
        lamp_colour = np.asarray(self._light.colour, np.float32)[:, None]
        around = np.asarray(self._light.ambient, np.float32)[:, None]
        return albedo * (lamp_colour * lit + around * above) + lamp_colour * shine


def _dot(a: Vectors, b: Vectors) -> Numbers:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _reciprocal_length(vectors: Vectors) -> Numbers:
    return 1 / np.sqrt(np.maximum(_dot(vectors, vectors), np.float32(1e-20)))


def _looked_up(table: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Values of parts, 0 for none."""
    return np.where(part >= 0, table[part], table.dtype.type(0))


def _edges(part: np.ndarray) -> Bool[np.ndarray, "height width"]:
    """Pixels of which a neighbour sees another part."""
    edge = np.zeros(part.shape, bool)
    across, down = part[:, 1:] != part[:, :-1], part[1:] != part[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def srgb_bytes(linear: Float32[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    """Linear light -> sRGB bytes (IEC 61966-2-1), through a table."""
    return _SRGB[np.clip(linear * 4095.0 + 0.5, 0, 4095).astype(np.int32)]


def _srgb_table() -> UInt8[np.ndarray, " levels"]:
    linear = np.arange(4096) / 4095.0
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * curved).astype(np.uint8)


_SRGB = _srgb_table()
