"""From where a surface is seen, in numbers that a decoder can use.

2D encoders do not say the same of a point from everywhere: foreshortening and scale change their
answer. A decoder that knows direction and distance can follow that part; what it cannot follow is
the encoder's noise, which stays averaged out.
"""

import torch
from jaxtyping import Float
from nerfstudio.utils.math import components_from_spherical_harmonics
from torch import Tensor

LEVELS = 2
DIM = LEVELS**2 + 1


def view_code(
    directions: Float[Tensor, "rays 3"], distances: Float[Tensor, "rays 1"]
) -> Float[Tensor, "rays code"]:
    """Spherical harmonics of the ray's direction and the logarithm of the surface's distance.

    Args:
        directions: unit vectors from the camera to the surface.
        distances: along the ray, in scene units, clamped to at least 0.001.
    """
    harmonics = components_from_spherical_harmonics(LEVELS, directions)
    return torch.cat([harmonics, distances.clamp_min(1e-3).log()], dim=-1)
