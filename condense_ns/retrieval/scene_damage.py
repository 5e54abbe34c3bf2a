"""What is wrong with a scene's row of an index, if anything."""

from dataclasses import dataclass
from typing import Any

from condense_ns.keypoints.array_layout import UnsoundArraysError
from condense_ns.retrieval.scene_rows import digest, scene_of_row


@dataclass(frozen=True)
class Damage:
    """What `SceneIndex.verify` found."""

    scene: str
    problem: str


def problem_of(row: dict[str, Any], seen: set[str]) -> str | None:
    """What is wrong with a row.

    Args:
        row: as `scene_rows.rows_of` gives it.
        seen: names of the rows before, to which its own is added.
    """
    if row["name"] in seen:
        return "the name occurs twice"
    seen.add(row["name"])
    if digest(row) != row["digest"]:
        return "its bytes have changed since it was added"
    try:
        scene = scene_of_row(row)
    except UnsoundArraysError as error:
        return str(error)
    return None if scene.name == row["name"] else "its name is another one inside"
