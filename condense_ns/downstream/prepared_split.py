"""Clouds of a split as voxels: made when they are first asked for, kept as long as there is room."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from condense_ns.downstream.labelled_cloud import Split, TaskData
from condense_ns.downstream.prepared_cloud import Preparation, PreparedCloud, prepared
from condense_ns.downstream.row_store import RowStore

MOST_KEPT = 40_000_000
"""Points and voxels of all clouds of a split that are kept; about 2 GB."""


@dataclass
class _Kept:
    """Clouds by their numbers."""

    most: int
    clouds: dict[int, PreparedCloud] = field(default_factory=dict)
    size: int = 0


class PreparedSplit(Sequence[PreparedCloud]):
    """A split as the networks see it, on the CPU.

    Args:
        data: what it belongs to.
        split: the clouds.
        how: they become voxels.
        most_kept: points and voxels of all clouds that are kept.
    """

    def __init__(
        self, data: TaskData, split: Split, how: Preparation, most_kept: int = MOST_KEPT
    ) -> None:
        self.data, self.split, self.how = data, split, how
        self._kept = _Kept(most_kept)

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, place: int) -> PreparedCloud:  # type: ignore[override]
        number = self.split.numbers[place]
        found = self._kept.clouds.get(number)
        if found is None:
            found = prepared(self.split[place], self.data, self.how)
            size = len(found.volume) + len(found.voxel_of)
            if self._kept.size + size <= self._kept.most:
                self._kept.clouds[number] = found
                self._kept.size += size
        return found

    def chosen(self, places: Sequence[int]) -> "PreparedSplit":
        """Some of the clouds, by their places here; they are kept together with the others."""
        part = PreparedSplit(self.data, self.split.chosen(places), self.how)
        part._kept = self._kept
        return part


class PreparedData:
    """Both splits of a data set, for several runs.

    Args:
        data: the data set.
        how: clouds become voxels.
    """

    def __init__(self, data: TaskData, how: Preparation) -> None:
        self.train = PreparedSplit(data, data.train, how)
        self.test = PreparedSplit(data, data.test, how)
        self.rows = RowStore()
        """What frozen backbones make of them."""
