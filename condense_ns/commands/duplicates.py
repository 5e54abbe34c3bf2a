"""`condense duplicates`: which scenes of an index show the same place, and how they lie on each other."""

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from condense_ns.commands.index_place import IndexPlace
from condense_ns.errors import UserError

if TYPE_CHECKING:
    from condense_ns.retrieval.scene_duplicates import DuplicatePair


@dataclass(kw_only=True)
class Duplicates(IndexPlace):
    """Find pairs of scenes of an index that show the same place, at least in part.

    Prints how much they overlap and the similarity that moves the first scene's coordinates into those of
    the second. Scenes are matched by their descriptors, and pairs of keypoints agree on the similarity.
    """

    scenes: tuple[str, ...] = ()
    """Names of scenes whose duplicates are looked for; none: of all scenes."""
    candidates: int = 5
    """Scenes that each scene is compared with closely, the most alike."""
    least_confidence: float = 0.5
    """Of a pair that is told, in [0, 1]."""

    def main(self) -> None:
        """Compare and tell."""
        self._check()
        from condense_ns.retrieval.scene_duplicates import DuplicateOptions, duplicates

        index = self.opened()
        names = list(self.scenes) or index.all_names()
        options = DuplicateOptions(self.candidates, self.least_confidence)
        found = duplicates(index, names, options)
        console = Console(stderr=True)
        told = track(found, "Looking for duplicates", len(names), console=console)
        pairs = [pair for of_scene in told for pair in of_scene]
        pairs.sort(key=lambda pair: -pair.alignment.confidence)
        if self.json:
            print(json.dumps([as_json(pair) for pair in pairs], indent=2))
            return
        _show(pairs, len(names))

    def _check(self) -> None:
        if self.candidates < 1:
            raise UserError(f"--candidates is {self.candidates}, it must be 1 or more")
        if not 0.0 <= self.least_confidence <= 1.0:
            raise UserError(f"--least-confidence is {self.least_confidence}, it must lie in [0, 1]")


def as_json(pair: "DuplicatePair") -> dict[str, Any]:
    """A pair as JSON has it."""
    alignment = pair.alignment
    similarity = alignment.similarity
    return {
        "first": pair.first,
        "second": pair.second,
        "confidence": alignment.confidence,
        "overlap": alignment.overlap,
        "inliers": alignment.inliers,
        "matches": alignment.matches,
        "rotation": similarity.rotation.tolist(),
        "translation": similarity.translation.tolist(),
        "scale": similarity.scale,
    }


def _show(pairs: list["DuplicatePair"], count: int) -> None:
    """The pairs as a table."""
    console = Console(highlight=False)
    if not pairs:
        console.print(f"no duplicates of {count} scenes")
        return
    columns = ("first", "second", "overlap", "turned", "moved", "scale", "agree", "confidence")
    table = Table(*columns, title="first -> second")
    for pair in pairs:
        alignment = pair.alignment
        similarity = alignment.similarity
        trace = float(similarity.rotation.trace())
        turned = math.degrees(math.acos(min(1.0, max(-1.0, (trace - 1.0) / 2.0))))
        table.add_row(
            pair.first,
            pair.second,
            f"{alignment.overlap:.0%}",
            f"{turned:.1f}°",
            ", ".join(f"{value:.3f}" for value in similarity.translation.tolist()),
            f"{similarity.scale:.3f}",
            f"{alignment.inliers} of {alignment.matches}",
            f"{alignment.confidence:.2f}",
        )
    console.print(table)
