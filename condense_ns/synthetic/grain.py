"""Fine patterns on surfaces, the same from every side: solid textures (Perlin, Peachey 1985) of waves.

Made-up surfaces are smoother than real ones; what learns to tell places apart by their looks, or to
render them sharply, needs more to look at. Every thing has waves of its own, of many lengths, in colour
and in brightness. A wave that a pixel cannot resolve fades away, so that no view shows another pattern.
"""

import numpy as np
from jaxtyping import Float32, Int, UInt8

WAVES = 20
"""Of each thing."""
SHORTEST, LONGEST = 0.01, 0.4
"""Wavelengths in metres."""
RESOLVED, SURE = 4.0, 8.0
"""Pixels per wavelength below which a wave is gone and above which it is whole."""
STRENGTHS = (0.03, 0.35)
"""Least and greatest standard deviation of brightness, as a share of the brightness."""
COLOURED = 0.08
"""Standard deviation of each colour of its own."""


def grained(
    rgb: UInt8[np.ndarray, "height width 3"],
    xyz: Float32[np.ndarray, "height width 3"],
    footprints: Float32[np.ndarray, "height width"],
    instances: Int[np.ndarray, "height width"],
    seed: int,
) -> UInt8[np.ndarray, "height width 3"]:
    """A photograph with patterns on everything in it.

    Args:
        rgb: the photograph, sRGB.
        xyz: where each pixel's surface is, in metres.
        footprints: metres that a pixel covers there; 0 where there is no surface.
        instances: number of the thing.
        seed: of the scene's patterns; the same for all of its photographs.
    """
    levels = rgb.astype(np.float32) / 255.0
    for thing in np.unique(instances):
        chosen = (instances == thing) & (footprints > 0)
        if chosen.any():
            levels[chosen] *= _pattern(xyz[chosen], footprints[chosen], [seed, int(thing)])
    return (np.clip(levels, 0.0, 1.0) * 255.0).round().astype(np.uint8)


def _pattern(
    xyz: Float32[np.ndarray, "pixels 3"], footprints: Float32[np.ndarray, " pixels"], key: list[int]
) -> Float32[np.ndarray, "pixels 3"]:
    """Factors on the colours of one thing's pixels."""
    generator = np.random.default_rng(key)
    lengths = np.exp(generator.uniform(np.log(SHORTEST), np.log(LONGEST), WAVES))
    axes = generator.normal(size=(WAVES, 3))
    axes *= (2 * np.pi / lengths / np.linalg.norm(axes, axis=1))[:, None]
    phases = generator.uniform(0, 2 * np.pi, WAVES)
    resolved = lengths[None].astype(np.float32) / footprints[:, None]
    shown = np.clip((resolved - RESOLVED) / (SURE - RESOLVED), 0.0, 1.0)
    waves = shown * np.sin(xyz @ axes.T.astype(np.float32) + phases.astype(np.float32))
    mixing = generator.normal(size=(WAVES, 4)) * np.sqrt(2.0 / WAVES)
    mixed = waves.astype(np.float32) @ mixing.astype(np.float32)
    hard = generator.uniform(0.7, 4.0)  # how much the brightness is two-valued rather than wavy
    strength = generator.uniform(*STRENGTHS)
    brightness = strength * np.tanh(hard * mixed[:, :1]) / np.tanh(hard)
    return np.exp(brightness + COLOURED * mixed[:, 1:]).astype(np.float32)
