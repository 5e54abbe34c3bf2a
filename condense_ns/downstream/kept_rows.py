"""What heads see of clouds; worked out once where the backbone is frozen, for all runs that begin with it."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.downstream.prepared_cloud import PreparedCloud
from condense_ns.downstream.prepared_split import PreparedSplit
from condense_ns.downstream.row_store import RowStore
from condense_ns.downstream.task_network import TaskNetwork


class KeptRows:
    """Rows of the clouds of a split by their places, without gradients.

    Args:
        network: whose backbone makes them; those of one that learns are not kept.
        clouds: the split.
        device: where to compute.
        store: keeps them; None for an own one.
        maker: tells backbone and split from others in the store.
    """

    def __init__(
        self,
        network: TaskNetwork,
        clouds: PreparedSplit,
        device: torch.device,
        store: RowStore | None = None,
        maker: str = "",
    ) -> None:
        self.clouds, self.device, self._network = clouds, device, network
        self._store, self._maker = store or RowStore(), maker

    def __len__(self) -> int:
        return len(self.clouds)

    def __getitem__(self, place: int) -> Float[Tensor, "rows channels"]:
        if not self._network.frozen:
            return self._network.rows(self.cloud(place))
        number = self.clouds.split.numbers[place]
        return self._store.rows(
            (self._maker, number), lambda: self._network.rows(self.cloud(place))
        )

    def cloud(self, place: int) -> PreparedCloud:
        """The cloud itself, on the device."""
        return self.clouds[place].to(self.device)

    def chosen(self, places: Sequence[int]) -> "KeptRows":
        """Those of some of the clouds, by their places here."""
        clouds = self.clouds.chosen(places)
        return KeptRows(self._network, clouds, self.device, self._store, self._maker)
