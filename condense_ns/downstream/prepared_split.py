"""Clouds of a split as voxels: made when they are first asked for, kept as long as there is room."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from condense_ns.downstream.labelled_cloud import Split, TaskData
from condense_ns.downstream.prepared_cloud import Preparation, PreparedCloud, prepared

MOST_KEPT = 40_000_000
"""Points and voxels of all clouds that are kept; about 2 GB."""


@dataclass
class PreparedSplit(Sequence[PreparedCloud]):
    """A split as the networks see it, on the CPU."""

    data: TaskData
    split: Split
    how: Preparation
    most_kept: int = MOST_KEPT
    _kept: dict[int, PreparedCloud] = field(default_factory=dict, init=False)
    _size: int = field(default=0, init=False)

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, place: int) -> PreparedCloud:  # type: ignore[override]
        found = self._kept.get(place)
        if found is None:
            found = prepared(self.split[place], self.data, self.how)
            size = len(found.volume) + len(found.voxel_of)
            if self._size + size <= self.most_kept:
                self._kept[place] = found
                self._size += size
        return found
