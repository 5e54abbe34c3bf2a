"""Which classes a run cannot learn: no cloud whose labels it may use shows them."""

from collections.abc import Sequence

from condense_ns.downstream.labelled_cloud import UNKNOWN, TaskData
from condense_ns.downstream.prepared_cloud import PreparedCloud

MOST_CLOUDS = 64
"""More are not looked through: they would be read once more, and hardly lack a class."""


def untaught_classes(data: TaskData, clouds: Sequence[PreparedCloud]) -> list[str]:
    """Names of classes that no label of the clouds has, in the order of the data set.

    Args:
        data: what the clouds belong to.
        clouds: all whose labels may be used; of more than `MOST_CLOUDS` nothing is said.
    """
    if len(clouds) > MOST_CLOUDS:
        return []
    taught = set().union(*(_classes_of(cloud, data) for cloud in clouds))
    return [name for number, name in enumerate(data.class_names) if number not in taught]


def _classes_of(cloud: PreparedCloud, data: TaskData) -> set[int]:
    if data.task == "classify":
        return {cloud.category}
    if data.task == "detect":
        return set() if cloud.boxes is None else set(cloud.boxes.classes.tolist())
    labels = cloud.voxel_labels
    return set() if labels is None else set(labels.unique().tolist()) - {UNKNOWN}
