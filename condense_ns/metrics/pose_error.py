"""How far an estimated camera is from the true one.

    e_R = arccos(clamp((trace(R_true^T R_est) - 1) / 2, -1, 1))        e_t = |c_true - c_est|

with c the camera centres. A failure has infinite errors and stays in every figure.
"""

import math
import statistics
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

PoseError = tuple[float, float]
"""Distance of the centres in the unit of the poses, angle in degrees (0 to 180)."""

FAILURE: PoseError = (math.inf, math.inf)


def pose_errors(estimated: Float[Tensor, "3 4"] | None, true: Float[Tensor, "3 4"]) -> PoseError:
    """Distance and angle between two camera-to-world poses; infinite for no estimate."""
    if estimated is None:
        return FAILURE
    found, expected = estimated.double().cpu(), true.double().cpu()
    distance = float((found[:, 3] - expected[:, 3]).norm())
    trace = float((expected[:, :3] * found[:, :3]).sum())
    cosine = min(1.0, max(-1.0, (trace - 1.0) / 2.0))
    return distance, math.degrees(math.acos(cosine))


def recall(errors: Sequence[PoseError], distance: float, degrees: float) -> float:
    """Share of poses with both errors within their limits, in [0, 1]; NaN without any pose."""
    if not errors:
        return math.nan
    return sum(far <= distance and turned <= degrees for far, turned in errors) / len(errors)


def medians(errors: Sequence[PoseError]) -> PoseError:
    """Medians of distance and of angle, each on its own; NaN without any pose."""
    if not errors:
        return math.nan, math.nan
    distances, angles = zip(*errors, strict=True)
    return statistics.median(distances), statistics.median(angles)
