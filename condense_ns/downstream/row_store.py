"""Rows that a frozen backbone makes of clouds, kept for all runs that begin with it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

_HALF = 2  # bytes


@dataclass
class RowStore:
    """Rows in half precision."""

    most_bytes: int = 2**31
    """Of all rows together; more are worked out anew each time."""
    kept: dict[tuple[str, int], Tensor] = field(default_factory=dict)
    """By what made them and the number of their cloud."""
    used: int = 0
    """Bytes."""

    def rows(
        self, key: tuple[str, int], make: Callable[[], Float[Tensor, "rows channels"]]
    ) -> Float[Tensor, "rows channels"]:
        """Those that are kept, else those that are made."""
        found = self.kept.get(key)
        if found is None:
            found = make().half()
            if self.used + _HALF * found.numel() <= self.most_bytes:
                self.kept[key] = found
                self.used += _HALF * found.numel()
        return found.float()
