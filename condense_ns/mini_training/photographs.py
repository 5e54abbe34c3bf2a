"""Photographs of made-up scenes with the truth of every pixel, rendered once and memory-mapped.

A folder holds ``rgb.npy``, ``classes.npy`` and ``instances.npy`` with all photographs of all scenes,
``scenes.jsonl`` with one line of words per finished scene, and ``plan.json``. Rendering that was
interrupted goes on after the last finished scene. Equal plans give equal bytes.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8, UInt16
from rich.progress import track
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.mini_training.prompts import Described
from condense_ns.report.json_file import read_json, write_json
from condense_ns.synthetic.worker_pool import done_in_order

TRAINING_SEED = 1_000_000
"""Scenes from here on are trained on; those of users and of the demonstration lie below."""
HELD_OUT_SEED = 2_000_000
"""Scenes from here on measure quality."""
CALIBRATION_SEED = 3_000_000
"""Scenes from here on fit the inverse temperature."""

_WORDS_NAME, _PLAN_NAME = "scenes.jsonl", "plan.json"
_REMEDY = "delete the folder, and they are made again, or use another one"


@dataclass(frozen=True)
class PhotographPlan:
    """What is photographed; scenes of even seeds are rooms, those of odd seeds tabletops."""

    first_seed: int
    """Seed of the first scene; the others follow."""
    scenes: int
    """How many scenes."""
    views: int = 6
    """Photographs of each."""
    width: int = 192
    """Pixels."""
    height: int = 144
    """Pixels."""


@dataclass(frozen=True)
class SceneWords:
    """A scene in words; an instance map holds the place in `things` plus one, 0 is nothing."""

    caption: str
    things: tuple[Described, ...]


@dataclass(frozen=True)
class RenderedScene:
    """All photographs of a scene."""

    words: SceneWords
    rgb: UInt8[np.ndarray, "views height width 3"]
    classes: UInt8[np.ndarray, "views height width"]
    instances: UInt16[np.ndarray, "views height width"]


@dataclass(frozen=True)
class Photographs:
    """All photographs of a plan, read from disk where they are looked at."""

    plan: PhotographPlan
    words: list[SceneWords]
    rgb: UInt8[np.ndarray, "photographs height width 3"]
    classes: UInt8[np.ndarray, "photographs height width"]
    instances: UInt16[np.ndarray, "photographs height width"]

    def words_of(self, photograph: int) -> SceneWords:
        """The words of the scene that a photograph shows."""
        return self.words[photograph // self.plan.views]

    def image(self, photograph: int) -> Float[Tensor, "1 3 height width"]:
        """A photograph as encoders want it, RGB in [0, 1]."""
        pixels = torch.from_numpy(self.rgb[photograph].astype("float32")) / 255.0
        return pixels.permute(2, 0, 1)[None]


Renderer = Callable[[PhotographPlan, int], RenderedScene]


def render_scene(plan: PhotographPlan, seed: int) -> RenderedScene:
    """The photographs of one scene."""
    from condense_ns.synthetic.photographer import Photographer
    from condense_ns.synthetic.procedural_scene import make_scene
    from condense_ns.synthetic.trajectories import trajectory

    scene = make_scene(seed, "tabletop" if seed % 2 else "room")
    photographer = Photographer(scene)
    kinds: Sequence[Literal["orbit", "walk", "forward"]] = (
        ("orbit", "forward") if seed % 2 else ("walk", "orbit", "forward")
    )
    kind = kinds[seed // 2 % len(kinds)]
    cameras = trajectory(scene, kind, plan.views, plan.width, plan.height, seed)
    photographs = [photographer.photograph(camera) for camera in cameras]
    things = tuple(
        Described(thing.class_name, thing.colour, thing.pattern, thing.caption)
        for thing in scene.instances
    )
    return RenderedScene(
        SceneWords(scene.caption, things),
        np.stack([photograph.rgb for photograph in photographs]),
        np.stack([photograph.classes for photograph in photographs]),
        np.stack([photograph.instances for photograph in photographs]),
    )


def photographs_of(
    folder: Path, plan: PhotographPlan, workers: int = 0, render: Renderer = render_scene
) -> Photographs:
    """The photographs in a folder, rendered first as far as they are missing.

    Args:
        folder: made if necessary.
        plan: what to photograph.
        workers: processes that render; 0 renders in this one.
        render: makes one scene; must be importable if there are workers.

    Raises:
        UserError: the folder holds photographs of another plan, or damaged ones.
    """
    _check_plan(folder, plan)
    words = _finished_scenes(folder / _WORDS_NAME)
    seeds = range(plan.first_seed + len(words), plan.first_seed + plan.scenes)
    maps = _open_maps(folder, plan, "r+" if words else "w+")
    with done_in_order(partial(render, plan), seeds, workers) as stream:
        for scene in track(stream, "photographs", total=len(seeds), disable=not seeds):
            views = slice(len(words) * plan.views, (len(words) + 1) * plan.views)
            for name, pixels in maps.items():
                pixels[views] = getattr(scene, name)
                pixels.flush()
            words.append(scene.words)
            with (folder / _WORDS_NAME).open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(scene.words)) + "\n")
    return Photographs(plan, words, **_open_maps(folder, plan, "r"))


def _check_plan(folder: Path, plan: PhotographPlan) -> None:
    path = folder / _PLAN_NAME
    if path.is_file():
        if read_json(path, _REMEDY) != asdict(plan):
            raise UserError(f"{folder} holds other photographs than asked for; use another folder")
        return
    write_json(path, asdict(plan))


def _finished_scenes(path: Path) -> list[SceneWords]:
    """The words of finished scenes; a last line that was cut off is taken out of the file."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    try:
        contents = [json.loads(line) for line in whole.splitlines()]
        return [
            SceneWords(content["caption"], tuple(Described(**thing) for thing in content["things"]))
            for content in contents
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({type(error).__name__}); {_REMEDY}") from error


def _open_maps(
    folder: Path, plan: PhotographPlan, mode: Literal["r", "r+", "w+"]
) -> dict[str, np.memmap]:
    size = (plan.scenes * plan.views, plan.height, plan.width)
    kinds = {"rgb": (np.uint8, (*size, 3)), "classes": (np.uint8, size)}
    kinds["instances"] = (np.uint16, size)
    try:
        return {
            name: np.lib.format.open_memmap(folder / f"{name}.npy", mode, kind, shape)
            for name, (kind, shape) in kinds.items()
        }
    except (OSError, ValueError) as error:
        raise UserError(f"the photographs in {folder} are damaged ({error}); {_REMEDY}") from error
