"""The stages of a demonstration: scene, training, figures. What is done already is not done again."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.progress import Progress

from condense_ns.demo.demo_evaluation import DemoEvaluation, DemoPictures
from condense_ns.demo.demo_training import quiet, run_config, train_run
from condense_ns.encoders import TextImageEncoder, build_encoder
from condense_ns.errors import UserError
from condense_ns.pipelines.loaded_run import load_run
from condense_ns.report.json_file import read_json, write_json
from condense_ns.report.provenance import provenance
from condense_ns.synthetic.scene_folder import write_scene
from condense_ns.synthetic.scene_plan import ScenePlan

STAGES = ("scene", "training", "evaluation")
MEASURED = ("rows", "class_iou", "agreement", "consistency", "psnr", "views")
"""What `DemoEvaluation.figures` tells."""


@dataclass(frozen=True)
class DemoPlan:
    """What a demonstration consists of."""

    folder: Path
    """For everything that it makes."""
    seeds: tuple[int, ...]
    """Of the scenes, one run each."""
    encoder: str = "mini"
    """Spec of an encoder that knows words."""
    steps: int = 900
    """Of each training."""
    views: int = 54
    """Photographs of each scene, every ninth held out."""
    width: int = 256
    """Pixels of a photograph."""
    height: int = 192
    """Pixels of a photograph."""

    def scene(self, seed: int) -> ScenePlan:
        """The scene of a seed."""
        return ScenePlan(seed, "tabletop", views=self.views, width=self.width, height=self.height)


@dataclass(frozen=True)
class SceneResult:
    """What came out of one scene."""

    name: str
    figures: dict[str, Any]
    """See `DemoEvaluation.figures`."""
    seconds: dict[str, float]
    """Time of each stage, all starts together."""
    config: Path
    """The run's config.yml."""
    provenance: dict[str, str]
    """Where and when the figures were measured; empty if older versions have measured them."""


class Demonstration:
    """Runs the stages of a plan.

    Args:
        plan: what to do.
        progress: where bars are shown.

    Raises:
        UserError: the folder holds a demonstration with other options, or the encoder cannot be built
            or knows no words. Then nothing has been written.
    """

    def __init__(self, plan: DemoPlan, progress: Progress) -> None:
        self.plan, self._progress = plan, progress
        self._results = plan.folder / "results"
        self._log = plan.folder / "host.log"
        self._rendered: dict[int, DemoEvaluation] = {}
        self._check()

    def result(self, seed: int) -> SceneResult:
        """Make, train and measure the scene of a seed."""
        scene = self.plan.scene(seed)
        with self._stage(scene.name, "scene", 1) as advance:
            folder = write_scene(scene, self.plan.folder / "scenes")
            advance(1)
        config = run_config(
            folder,
            self.plan.folder / "runs",
            self.plan.encoder,
            self.plan.steps,
            max(self.plan.width, self.plan.height),
        )
        with self._stage(scene.name, "training", self.plan.steps) as advance:
            file = train_run(config, self._log, advance)
        path = self._results / f"{scene.name}.json"
        with self._stage(scene.name, "evaluation", 1) as advance:
            if not path.is_file():
                figures = self._evaluation(seed, file).figures()
                write_json(path, {"provenance": provenance(), **figures})
            advance(1)
        figures = _figures(path)
        measured = figures.pop("provenance", {})
        return SceneResult(scene.name, figures, self._seconds(scene.name), file, measured)

    def pictures(self, seed: int, config: Path) -> DemoPictures:
        """The pictures of a seed's run."""
        return self._evaluation(seed, config).pictures()

    def _evaluation(self, seed: int, config: Path) -> DemoEvaluation:
        """The rendered views of a run; those of the first seed are kept for its pictures."""
        found = self._rendered.get(seed)
        if found is None:
            with quiet(self._log):
                found = DemoEvaluation(load_run(config), self.plan.encoder)
            if seed == self.plan.seeds[0]:
                self._rendered[seed] = found
        return found

    @contextlib.contextmanager
    def _stage(self, scene: str, stage: str, total: int) -> Iterator[Any]:
        """Show a bar and add the time to that of earlier starts, however the stage ends."""
        task = self._progress.add_task(f"{scene}: {stage}", total=total)
        start = time.monotonic()
        try:
            yield lambda completed: self._progress.update(task, completed=completed)
        finally:
            seconds = self._seconds(scene)
            seconds[stage] = seconds.get(stage, 0.0) + time.monotonic() - start
            write_json(self._results / f"{scene}_seconds.json", seconds)

    def _seconds(self, scene: str) -> dict[str, float]:
        path = self._results / f"{scene}_seconds.json"
        return read_json(path, "delete it, it holds times only") if path.is_file() else {}

    def _check(self) -> None:
        """Refuse what cannot be run or shown, then note the options in the folder."""
        plan, path = self.plan, self.plan.folder / "demo.json"
        options = asdict(plan)
        del options["folder"], options["seeds"]  # more scenes may join
        if path.is_file():
            remedy = "delete it if the folder was made with these options, or choose another folder"
            self._check_options(read_json(path, remedy), options)
        for name in (plan.scene(seed).name for seed in plan.seeds):
            self._seconds(name)
            if (figures := self._results / f"{name}.json").is_file():
                _figures(figures)
        size = max(plan.width, plan.height)
        if not isinstance(build_encoder(plan.encoder, image_size=size), TextImageEncoder):
            raise UserError(
                f"encoder {plan.encoder} knows no words, which a demonstration asks; take one that "
                "does, e.g. mini or openclip:ViT-B-16/laion2b_s34b_b88k"
            )
        write_json(path, options)

    def _check_options(self, held: dict[str, Any], options: dict[str, Any]) -> None:
        differing = [
            f"{name} {held.get(name, 'unknown')} instead of {value}"
            for name, value in options.items()
            if held.get(name) != value
        ]
        if differing:
            raise UserError(
                f"{self.plan.folder} holds a demonstration with {', '.join(differing)}; choose "
                "another folder, or the same options"
            )


def _figures(path: Path) -> dict[str, Any]:
    """What was measured of a scene.

    Raises:
        UserError: the file is damaged.
    """
    return read_json(path, "delete it, and it is measured again", MEASURED)
