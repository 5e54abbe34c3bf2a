"""Classes as colours that colour-blind people can tell apart.

M. Okabe and K. Ito, Color universal design, 2008, without black. Beyond seven classes the same hues
follow darker and then paler: told apart by lightness.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

HUES = (
    (230, 159, 0),  # orange
    (86, 180, 233),  # sky blue
    (0, 158, 115),  # bluish green
    (240, 228, 66),  # yellow
    (0, 114, 178),  # blue
    (213, 94, 0),  # vermilion
    (204, 121, 167),  # reddish purple
)
NO_CLASS = (40, 40, 40)
MOST_CLASSES = 3 * len(HUES)


def class_colours(labels: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch 3"]:
    """RGB in [0, 1] of labels below `MOST_CLASSES`; -1 is dark grey."""
    hues = torch.tensor(HUES, device=labels.device) / 255.0
    no_class = torch.tensor([NO_CLASS], device=labels.device) / 255.0
    return torch.cat([hues, 0.55 * hues, 0.5 + 0.5 * hues, no_class])[labels]
