"""`condense bench index`: how well and how fast an index of scenes answers, and what a large one needs."""

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from condense_ns.errors import UserError
from condense_ns.whole_files import check_output_file

if TYPE_CHECKING:
    from condense_ns.benchmarks.index_material import PreparedScene, SceneJob
    from condense_ns.synthetic.scene_plan import ScenePlan

BLOCK, ALONE, DRESSED, NEXT = 50, 50, 200, 1000
"""Scenes of a block; from their seeds to those of the scenes for themselves, of the dressed ones, and of the
next block."""


@dataclass
class BenchIndex:
    """Measure an index of scenes on made-up and real scenes, beside three other ways, and how it grows.

    Of made-up scenes, a quarter is met again in another light with one thing moved (near-duplicates), and
    a quarter are other rooms with the floor, walls and ceiling of one of them (hard negatives). Real scenes
    are cut in two halves, which are duplicates. Every photograph that no scene was made
    from is looked for. What was prepared is kept, so that a run that was stopped goes on.
    """

    data: Path = Path("bench_index")
    """Folder for made-up scenes and what is prepared; made if missing."""
    scenes: int = 200
    """Made-up scenes, near-duplicates and hard negatives included; 0 for none."""
    seed: int = 40_000
    """Of the first made-up scene."""
    encoder: str = "gradients"
    """Describes keypoints."""
    language: str = "mini"
    """Knows words."""
    prior: str = "shi-tomasi"
    """Finds keypoints."""
    real: tuple[Path, ...] = ()
    """Folders of real scenes, with depth images or without."""
    scales: tuple[int, ...] = ()
    """Numbers of scenes of random descriptors, e.g. 100 1000 10000, for size and time."""
    queries: int = 100
    """Photographs that are looked for at each of --scales."""
    plan: Path | None = None
    """Instead of measuring: file of earlier figures, of which a plan for --plan-scenes is made."""
    plan_scenes: int = 1_000_000
    """Scenes of the installation."""
    plan_queries: float = 10.0
    """Photographs per second that it answers."""
    output_path: Path = Path("condense_bench_index.json")
    """JSON file for the figures."""

    def main(self) -> None:
        """Measure or plan, print, write."""
        self._check()
        if self.plan is not None:
            self._show_plan(self.plan)
            return
        import os

        from rich.console import Console

        from condense_ns.report.json_file import write_json
        from condense_ns.report.provenance import provenance

        console = Console(highlight=False)
        figures: dict[str, Any] = {**provenance(), "benchmark": "index", "scaling": []}
        if self.scenes or self.real:
            figures |= self._answers()
            write_json(self.output_path, figures)
            show_rows(
                f"{figures['scenes']} scenes, {figures['photographs']} photographs", figures["rows"]
            )
        for count in self.scales:
            figures["scaling"].append(self._scaling_row(count))
            figures["load"] = os.getloadavg()[0]
            write_json(self.output_path, figures)
        if figures["scaling"]:
            rows = {f"{int(row['scenes'])} scenes": row for row in figures["scaling"]}
            show_rows("random descriptors", rows)
        console.print(f"figures written to {self.output_path}", soft_wrap=True)

    def _check(self) -> None:
        check_output_file(self.output_path)
        if self.scenes < 0 or self.queries < 1 or any(count < 1 for count in self.scales):
            raise UserError("--scenes must be 0 or more, --queries and --scales 1 or more")
        if not (self.scenes or self.real or self.scales or self.plan):
            raise UserError("nothing to measure; give --scenes, --real or --scales")

    def _answers(self) -> dict[str, Any]:
        """Figures of all ways on scenes with truth."""
        import os

        from condense_ns.benchmarks.index_pairs import duplicate_rows, text_rows
        from condense_ns.benchmarks.index_rows import OURS, image_rows, pose_row
        from condense_ns.benchmarks.index_scaling import folder_bytes, raw_bytes
        from condense_ns.encoders import build_encoder
        from condense_ns.encoders.base import TextImageEncoder
        from condense_ns.retrieval.scene_index import SceneIndex

        speaker = build_encoder(self.language)
        if not isinstance(speaker, TextImageEncoder):
            raise UserError(f"--language {self.language} does not know words")
        scenes = self._prepared(speaker)
        with tempfile.TemporaryDirectory(dir=self.data) as folder:
            place = Path(folder) / "index"
            index = SceneIndex.open_or_create(str(place), scenes[0].descriptor)
            index.add_all([scene.descriptor for scene in scenes])
            index.build()
            rows = image_rows(index, scenes)
            rows[OURS] |= pose_row(index, scenes)
            for more in (duplicate_rows(index, scenes), text_rows(index, scenes, speaker)):
                for name, row in more.items():
                    rows[name] |= row
            each, channels = scenes[0].descriptor.descriptors.shape
            kept = sum(len(scene.descriptor.xyz) for scene in scenes)
            rows[OURS]["size ratio"] = folder_bytes(place) / raw_bytes(1, kept, channels)
        photographs = sum(len(scene.photographs) for scene in scenes)
        about = {"scenes": len(scenes), "photographs": photographs, "keypoints": each}
        about |= {"encoder": self.encoder, "language": self.language, "load": os.getloadavg()[0]}
        return {**about, "rows": rows}

    def _prepared(self, speaker: Any) -> "list[PreparedScene]":
        from rich.progress import track

        from condense_ns.benchmarks.index_material import Networks, prepared
        from condense_ns.pipelines.photo_detector import plain_detector
        from condense_ns.pipelines.refined_encoder import photo_encoder

        looks = speaker if self.encoder == self.language else photo_encoder(self.encoder)
        networks = Networks(plain_detector(looks, self.prior), speaker)
        store = self.data / "prepared" / looks.fingerprint[:12]
        return [prepared(job, networks, store) for job in track(self._jobs(), "Preparing scenes")]

    def _jobs(self) -> "list[SceneJob]":
        """The scenes that are to be prepared; made-up ones are written if missing."""
        from rich.progress import track

        from condense_ns.benchmarks.index_material import SceneJob, halves
        from condense_ns.synthetic.scene_folder import write_scene

        jobs = []
        for plan in track(made_up_plans(self.scenes, self.seed), "Making scenes up"):
            folder = write_scene(plan, self.data / "scenes")
            jobs.append(SceneJob(plan.name, folder, f"{plan.kind} {plan.seed}"))
        return jobs + [job for folder in self.real for job in halves(folder)]

    def _scaling_row(self, count: int) -> dict[str, float]:
        from condense_ns.benchmarks.index_scaling import scaling_row

        self.data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.data) as folder:
            return scaling_row(count, self.queries, Path(folder) / "index")

    def _show_plan(self, file: Path) -> None:
        """A table of what the installation needs."""
        from rich.console import Console
        from rich.table import Table

        from condense_ns.benchmarks.index_plan import plan

        try:
            rows = json.loads(file.read_text(encoding="utf-8"))["scaling"]
            found = plan(rows, self.plan_scenes, self.plan_queries)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{file} holds no figures of condense bench index --scales ({type(error).__name__})"
            ) from error
        table = Table("what", "needed", title=f"{self.plan_scenes:,} scenes")
        for what, value in found.items():
            table.add_row(what, f"{value:,.1f}" if isinstance(value, float) else f"{value:,}")
        Console(highlight=False).print(table)


def made_up_plans(count: int, seed: int) -> "list[ScenePlan]":
    """Scenes in fours: one, the same met again, another one dressed as it is, and one for itself."""
    from condense_ns.synthetic.procedural_scene import FURNISHED
    from condense_ns.synthetic.scene_plan import ScenePlan

    plans: list[ScenePlan] = []
    for number in range((count + 3) // 4):
        first = seed + number // BLOCK * NEXT + number % BLOCK
        own = ScenePlan(first, FURNISHED[number % 2], views=14, points=100)
        dressed = replace(own, seed=first + DRESSED, dressed_as=first)
        alone = replace(own, seed=first + ALONE)
        plans += [own, *own.again(1), dressed, alone]
    return plans[:count]


def show_rows(title: str, rows: dict[str, dict[str, float]]) -> None:
    """A table with a column for each way and a line for each figure; empty where a way lacks it."""
    from rich.console import Console
    from rich.table import Table

    figures = dict.fromkeys(name for row in rows.values() for name in row)
    table = Table("", *rows, title=title)
    for figure in figures:
        cells = (f"{row[figure]:.4g}" if figure in row else "" for row in rows.values())
        table.add_row(figure, *cells)
    Console(highlight=False).print(table)
