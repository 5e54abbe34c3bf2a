"""The list of a folder of scenes, split into those for training and those for testing."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from condense_ns.errors import UserError
from condense_ns.synthetic.scene_plan import ScenePlan
from condense_ns.whole_files import write_text

FILE_NAME = "scenes.yaml"
SEED = re.compile(r"[a-z]+_(\d{6})(?:_|$)")  # in the name of a folder, see `ScenePlan.name`


def write_scene_list(folder: Path, plans: Sequence[ScenePlan], test_share: float) -> Path:
    """Write `scenes.yaml` with the lists `train` and `test` of folder names.

    A scene and those in which it is met again are on the same side; the last seeds are for testing.
    What is listed already and still there stays on its side, and new scenes join those of their seed.

    Args:
        folder: where the scenes are.
        plans: of the scenes.
        test_share: of the seeds that are not listed yet, in [0, 1].

    Returns:
        The file.

    Raises:
        UserError: the file cannot be read or written.
    """
    lists = {"train": [], "test": [], **listed_scenes(folder)}
    sides = {
        seed: split
        for split in ("train", "test")
        for entry in lists[split]
        if (seed := _seed_of(entry)) is not None
    }
    new = sorted({plan.seed for plan in plans} - sides.keys())
    for_training = len(new) - round(test_share * len(new))
    sides |= {seed: "train" if at < for_training else "test" for at, seed in enumerate(new)}
    listed = {_path_of(entry) for entries in lists.values() for entry in entries}
    for plan in plans:
        if plan.name not in listed:
            lists[sides[plan.seed]].append(plan.name)
    path = folder / FILE_NAME
    write_text(path, yaml.safe_dump(lists, sort_keys=False, default_flow_style=False))
    return path


def listed_scenes(folder: Path) -> dict[str, list[Any]]:
    """What `scenes.yaml` lists by split, without scenes that are gone; nothing if there is no such file.

    Raises:
        UserError: the file cannot be read.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        lists = {split: entries or [] for split, entries in content.items()}
        if not all(isinstance(entries, list) for entries in lists.values()):
            raise TypeError("not everything in it is a list")
        return {
            split: [entry for entry in entries if (folder / _path_of(entry)).exists()]
            for split, entries in lists.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path} cannot be read as lists of scenes ({reason}); mend or remove it"
        ) from error


def _path_of(entry: Any) -> str:
    """Where a scene is: an entry is that alone, or has it beside further fields."""
    return entry["path"] if isinstance(entry, dict) else entry


def _seed_of(entry: Any) -> int | None:
    """Of a made-up scene; None for others."""
    found = SEED.match(_path_of(entry))
    return None if found is None else int(found[1])
