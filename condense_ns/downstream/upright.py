"""Things whose files have y upwards, turned to our z upwards, their front towards +y or -y."""

from jaxtyping import Float
from torch import Tensor


def upright(values: Float[Tensor, "points 3"]) -> Float[Tensor, "points 3"]:
    """Positions or normals: (x, y, z) becomes (x, -z, y)."""
    turned = values[:, [0, 2, 1]].clone()
    turned[:, 1] *= -1
    return turned
