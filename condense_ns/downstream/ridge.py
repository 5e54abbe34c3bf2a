"""Linear read-out of features with squared weights held small, in closed form.

    W = (X'X / n + s I)^-1 X'Y / n

X are n standardised rows of features, Y what they shall tell, its mean taken out; s is the strength.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.downstream.heads import Standardised

STRENGTH = 0.01
"""Of a standardised channel's variance."""


@torch.no_grad()
def ridge_read_out(
    learned: Float[Tensor, "rows channels"],
    answers: Float[Tensor, "rows outputs"],
    asked: Float[Tensor, "asked channels"],
    strength: float = STRENGTH,
) -> Float[Tensor, "asked outputs"]:
    """What a read-out says of rows that it has not learned from.

    Args:
        learned: features to learn from, at least one row.
        answers: what they shall tell.
        asked: features of the same kind.
        strength: above 0; the larger, the nearer are answers to the mean.
    """
    standardised = Standardised(learned.shape[1]).to(learned.device)
    standardised.measure([learned])
    rows, mean = standardised(learned).double(), answers.double().mean(dim=0)
    squares = rows.T @ rows / len(rows)
    squares.diagonal().add_(strength)
    weights = torch.linalg.solve(squares, rows.T @ (answers.double() - mean) / len(rows))
    return (standardised(asked).double() @ weights + mean).to(answers.dtype)
