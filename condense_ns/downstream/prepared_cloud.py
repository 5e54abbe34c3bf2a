"""A labelled cloud -> voxels with labels, which is what networks see.

Letters: v voxels of the volume. A voxel has the label that most of its labelled points have, the lowest
of several; points get back what is said of their voxel.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Int64
from torch import Tensor

from condense_ns.downstream.labelled_cloud import UNKNOWN, LabelledBoxes, LabelledCloud, TaskData
from condense_ns.errors import UserError
from condense_ns.volumes.from_points import check_cloud, volume_from_points
from condense_ns.volumes.sparse_volume import Kind, SparseVolume

LEAST_ROOM, LARGEST_ROOM = 0.3, 300.0
"""Longest side in metres of what may be a scan of a place."""
_WIDE, _MOST_ALONE, _MANY = 20.0, 0.95, 100
"""A place of so many metres in which more than this share of so many points have a voxel to themselves is
more likely a small one in other units."""


@dataclass(frozen=True)
class Preparation:
    """How clouds become voxels."""

    voxel_size: float | None = None
    """In units of the clouds; None takes the data set's."""
    resolution: int = 32
    """Voxels along the longest side of shapes that have no size of their own."""
    scale: float = 1.0
    """What coordinates are multiplied with first, e.g. 0.001 for millimetres."""
    kind: Kind = "points"
    """Which of the backbone's input adapters sees the voxels."""


@dataclass(frozen=True)
class PreparedCloud:
    """Voxels and their labels, on one device."""

    name: str
    volume: SparseVolume
    voxel_of: Int64[Tensor, " points"]
    """Number of each point's voxel."""
    category: int = UNKNOWN
    voxel_labels: Int64[Tensor, " voxels"] | None = None
    point_labels: Int64[Tensor, " points"] | None = None
    boxes: LabelledBoxes | None = None
    """Counted in voxels from the volume's origin."""

    def to(self, device: torch.device | str) -> "PreparedCloud":
        """The same on another device."""
        moved = {
            name: None if value is None else value.to(device)
            for name in ("voxel_of", "voxel_labels", "point_labels")
            for value in [getattr(self, name)]
        }
        boxes = self.boxes
        if boxes is not None:
            boxes = LabelledBoxes(boxes.boxes.to(device), boxes.classes.to(device))
        return replace(self, volume=self.volume.to(device), boxes=boxes, **moved)


def prepared(sample: LabelledCloud, data: TaskData, how: Preparation) -> PreparedCloud:
    """The voxels of a cloud.

    Raises:
        UserError: no points, numbers that are not finite, labels without a name, other units than
            metres where metres are meant.
    """
    check_cloud(sample.cloud, sample.name)
    check_labels(sample, data)
    cloud = replace(sample.cloud, positions=sample.cloud.positions * how.scale)
    sides = cloud.positions.amax(dim=0) - cloud.positions.amin(dim=0)
    longest = float(sides.max())
    if data.metres and not LEAST_ROOM <= longest <= LARGEST_ROOM and len(cloud) > 1:
        raise UserError(
            f"{sample.name} is {longest:.3g} units wide, which is no place in metres; give --scale "
            "(0.001 for millimetres, 0.01 for centimetres), or leave it out of the split"
        )
    size = how.voxel_size or data.voxel_size or (longest or 1.0) / how.resolution
    seen_from = None if sample.viewpoints is None else sample.viewpoints * how.scale
    volume = replace(volume_from_points(cloud, size, seen_from, sample.name), kind=how.kind)
    places = ((cloud.positions - volume.origin) / size).long()
    voxel_of = volume.numbers_at(places)
    if data.metres and longest > _WIDE and len(volume) > _MOST_ALONE * max(len(cloud), _MANY):
        raise UserError(
            f"{sample.name} is {longest:.3g} units wide, and nearly each of its {len(cloud)} points lies alone "
            f"in a voxel of {size:g} metres; give --scale (0.01 for centimetres), or a larger --voxel-size"
        )
    labels = sample.labels
    return PreparedCloud(
        name=sample.name,
        volume=volume,
        voxel_of=voxel_of,
        category=sample.category,
        voxel_labels=None if labels is None else majority(labels, voxel_of, len(volume)),
        point_labels=labels,
        boxes=None if sample.boxes is None else _in_voxels(sample.boxes, volume, how.scale),
    )


def check_labels(sample: LabelledCloud, data: TaskData) -> None:
    """Whether every label has a name.

    Raises:
        UserError: one has none, or there are fewer labels than points.
    """
    labels, count = sample.labels, len(data.class_names)
    if labels is not None and len(labels) != len(sample.cloud):
        raise UserError(
            f"{sample.name} has {len(labels)} labels for {len(sample.cloud)} points; give one for each"
        )
    for what, numbers in (
        ("points", labels),
        ("boxes", None if sample.boxes is None else sample.boxes.classes),
    ):
        if numbers is None or len(numbers) == 0:
            continue
        low, high = int(numbers.min()), int(numbers.max())
        if low < UNKNOWN or high >= count:
            wrong = low if low < UNKNOWN else high
            raise UserError(
                f"{sample.name} has {what} of class {wrong}, but {data.name} has the classes 0 to "
                f"{count - 1}; use -1 for unlabelled ones, or mend its list of classes"
            )
    if data.parts_of and labels is not None and sample.category != UNKNOWN:
        _check_parts(sample, labels, data)


def _check_parts(sample: LabelledCloud, labels: Int64[Tensor, " points"], data: TaskData) -> None:
    """Raises: UserError: a part that things of this category do not have."""
    allowed = {UNKNOWN, *data.parts_of[sample.category]}
    strange = sorted(set(labels.unique().tolist()) - allowed)
    if strange:
        raise UserError(
            f"{sample.name} is a {data.category_names[sample.category]}, but has points of part "
            f"{data.class_names[strange[0]]}; mend its labels or its category"
        )


def majority(
    labels: Int64[Tensor, " points"], voxel_of: Int64[Tensor, " points"], voxels: int
) -> Int64[Tensor, " voxels"]:
    """The most frequent known label in each voxel, `UNKNOWN` in one without any."""
    known = labels >= 0
    columns = int(labels.max()) + 1 if bool(known.any()) else 1
    pairs, counts = torch.unique(voxel_of[known] * columns + labels[known], return_counts=True)
    order = torch.argsort(counts, stable=True, descending=True)
    ranked = pairs[order]
    answer = labels.new_full((voxels,), UNKNOWN)
    # The last of several writes is not defined, so that only the first of each voxel is written.
    voxel, first = torch.unique(ranked // columns, return_inverse=True)
    earliest = first.new_full((len(voxel),), len(ranked))
    earliest.scatter_reduce_(0, first, torch.arange(len(ranked), device=first.device), "amin")
    answer[voxel] = ranked[earliest] % columns
    return answer


def _in_voxels(boxes: LabelledBoxes, volume: SparseVolume, scale: float) -> LabelledBoxes:
    centre = (boxes.boxes[:, :3].double() * scale - volume.origin) / volume.voxel_size
    size = boxes.boxes[:, 3:6].double() * scale / volume.voxel_size
    moved = torch.cat([centre.float(), size.float(), boxes.boxes[:, 6:]], dim=1)
    return LabelledBoxes(moved, boxes.classes)
