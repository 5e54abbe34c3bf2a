"""`condense synth`: made-up scenes with exact truth, as ordinary scenes of nerfstudio."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from condense_ns.synthetic.scene_plan import ScenePlan


@dataclass
class Synthesize:
    """Make up scenes: photographs with exact depth, class and instance maps, captions, mesh and points.

    Each scene is a folder that ns-train takes as --data. Scenes of different seeds share no thing;
    scenes.yaml lists them, split into train and test; what it lists already stays where it is. A run that was killed goes on with the first scene
    that is missing.
    """

    out: Path = Path("scenes")
    """Folder for the scenes."""
    scenes: int = 1
    """How many, without those that are met again."""
    seed: int = 0
    """Of the first; the others follow."""
    kind: Literal["both", "room", "tabletop", "thing"] = "both"
    """Furnished rooms seen from inside, tables with small things, or both in turn; or single things, cut
    out of what is around them."""
    near_duplicates: int = 0
    """How often each scene is met again: in another light, from other places, one thing moved."""
    test_share: float = 0.2
    """Share of the scenes new to scenes.yaml that are kept for testing, with all their near-duplicates."""
    views: int = 54
    """Photographs of each; every ninth is kept for evaluation."""
    width: int = 256
    """Pixels."""
    height: int = 192
    """Pixels."""
    trajectory: Literal["orbit", "forward", "walk"] = "orbit"
    """Around the things, facing them from one side, or through the room."""
    points: int = 50_000
    """Points of the labelled cloud of each."""
    grained: bool = False
    """Put fine patterns on all surfaces, as real ones have them: for training lift3d."""
    workers: int = 2
    """Processes; 0 works in this one."""

    def main(self) -> None:
        """Make them."""
        from rich.console import Console
        from rich.progress import track

        from condense_ns.synthetic.scene_list import listed_scenes, write_scene_list
        from condense_ns.synthetic.worker_pool import done_in_order

        self._check()
        listed_scenes(self.out)  # one that cannot be read is told of before hours of work
        plans = self._plans()
        workers = min(self.workers, len(plans))
        with done_in_order(partial(_timed_scene, folder=self.out), plans, workers) as written:
            made = list(track(written, "scenes", total=len(plans)))
        file = write_scene_list(self.out, plans, self.test_share)
        counted = "1 scene" if len(plans) == 1 else f"{len(plans)} scenes"
        Console().print(f"{counted} in {self.out}, listed in {file}{_speed(made)}")

    def _plans(self) -> list["ScenePlan"]:
        from condense_ns.synthetic.procedural_scene import FURNISHED
        from condense_ns.synthetic.scene_plan import ScenePlan

        plans = []
        for number in range(self.scenes):
            seed = self.seed + number
            kind = FURNISHED[seed % 2] if self.kind == "both" else self.kind
            plan = ScenePlan(
                seed=seed,
                kind=kind,
                views=self.views,
                width=self.width,
                height=self.height,
                trajectory=self.trajectory,
                points=self.points,
                grained=self.grained,
            )
            plans += [plan, *plan.again(self.near_duplicates)]
        return plans

    def _check(self) -> None:
        from condense_ns.errors import UserError
        from condense_ns.whole_files import check_output_folder

        # Four views would leave none to evaluate: the first one held out is the fifth.
        smallest = {"scenes": 1, "seed": 0, "near_duplicates": 0, "views": 5, "points": 0}
        smallest |= {"width": 16, "height": 16, "workers": 0}
        for name, least in smallest.items():
            if getattr(self, name) < least:
                option = name.replace("_", "-")
                raise UserError(f"--{option} is {getattr(self, name)}, it must be {least} or more")
        if self.kind == "thing" and self.near_duplicates:
            raise UserError(
                "nothing around a single thing can have moved; leave --near-duplicates out, or take "
                "another --kind"
            )
        check_output_folder(self.out, "--out")
        if not 0.0 <= self.test_share <= 1.0:
            raise UserError(f"--test-share is {self.test_share}, it must lie in [0, 1]")


def _timed_scene(plan: "ScenePlan", folder: Path) -> tuple[int, float]:
    """Write a scene; how many pixels were photographed, and the processor's seconds for everything."""
    from condense_ns.synthetic.scene_folder import write_scene

    was_there = (folder / plan.name).exists()
    start = time.process_time()
    write_scene(plan, folder)
    pixels = 0 if was_there else plan.views * plan.width * plan.height
    return pixels, time.process_time() - start


def _speed(made: list[tuple[int, float]]) -> str:
    """Of the scenes that were not there before, with everything that is written beside photographs."""
    pixels = sum(count for count, _ in made)
    seconds = sum(spent for count, spent in made if count)
    if not pixels:
        return ""
    return f"; {pixels / seconds / 1e6:.2f} megapixels per second and core, all files included"
