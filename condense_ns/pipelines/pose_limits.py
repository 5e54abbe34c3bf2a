"""How near to the truth a photograph's pose must be to count as found (`methods.md` 7.4).

Scenes with depth images have a metric scale: 5 cm and 5 degrees, 2 cm and 2 degrees. Other scenes
have any unit; there, 5 % and 1 % of the scene's diagonal take the place of centimetres.
"""

from dataclasses import dataclass

import torch

from condense_ns.pipelines.held_out_views import HeldOutViews

MIDDLE = (0.05, 0.95)
"""Of the surface points along each axis: the box whose diagonal is the scene's, without far away things."""


@dataclass(frozen=True)
class PoseLimits:
    """Limits, and what they are limits of."""

    unit: float
    """Length in the model's frame that distances are given in."""
    median: str
    """Name of the median distance."""
    recalls: dict[str, tuple[float, float]]
    """Name of each recall, with its distance and its degrees."""


def pose_limits(held_out: HeldOutViews) -> PoseLimits:
    """Those of a scene: in the dataset's units with depth images, in percent of its diagonal without."""
    if held_out.data.eval_dataset.metadata.get("depth_filenames"):
        return PoseLimits(
            unit=held_out.data.train_dataparser_outputs.dataparser_scale,
            median="median_distance",
            recalls={"recall_5cm_5deg": (0.05, 5.0), "recall_2cm_2deg": (0.02, 2.0)},
        )
    points = torch.cat([view.points[view.valid] for view in held_out])
    low, high = (points.double().quantile(share, dim=0) for share in MIDDLE)
    return PoseLimits(
        unit=float(torch.linalg.vector_norm(high - low)) / 100.0,
        median="median_percent",
        recalls={"recall_5pct_5deg": (5.0, 5.0), "recall_1pct_2deg": (1.0, 2.0)},
    )
