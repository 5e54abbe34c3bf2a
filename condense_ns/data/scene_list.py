"""Which scenes to train on, which to look at meanwhile, and which to keep for tests.

``--data`` is a list in YAML, or a folder that says it by what lies in it::

    train:
      - kitchen                     # a folder beside the list
      - path: lego
        dataparser: blender-data
        alpha_color: black          # any field of that data parser
    val: [fern]
    test: [fox]
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from condense_ns.data.scene_place import ScenePlace, recognised_place
from condense_ns.errors import UserError

FILE_NAME = "scenes.yaml"
VALIDATION_SHARE = 0.1
"""Of the scenes in a folder without a list."""


@dataclass(frozen=True)
class SceneList:
    """Scenes by what they are for."""

    train: tuple[ScenePlace, ...] = ()
    """To train on."""
    val: tuple[ScenePlace, ...] = ()
    """Whose held-out views are rendered meanwhile; may be among those for training."""
    test: tuple[ScenePlace, ...] = ()
    """Never looked at in training."""

    @property
    def all(self) -> tuple[ScenePlace, ...]:
        """Every scene once."""
        return tuple({place.name: place for place in (*self.train, *self.val, *self.test)}.values())


def read_scene_list(path: Path, skip_unreadable: bool = False, option: str = "--data") -> SceneList:
    """The scenes of a list, of a folder of scenes, or of a single scene.

    Args:
        path: a YAML file; a folder with `scenes.yaml`; a folder of scenes, of which the last ones
            by name become `val`; or one scene, which is for training and `val` both.
        skip_unreadable: leave out scenes that are missing, with a warning, instead of refusing.
        option: that the path was given with.

    Raises:
        UserError: it says nothing usable; the message says which entry of what file and why.
    """
    if not path.exists():
        raise UserError(
            f"no scenes at {path}: give a folder of scenes or a list in YAML as {option}"
        )
    if path.suffix in (".yaml", ".yml"):
        return _from_file(path, skip_unreadable)
    if (path / FILE_NAME).is_file():
        return _from_file(path / FILE_NAME, skip_unreadable)
    alone = _single_scene(path)
    if alone is not None:
        return SceneList(train=(alone,), val=(alone,))
    return _from_folder(path, option)


def _single_scene(path: Path) -> ScenePlace | None:
    if path.suffix == ".json":
        return ScenePlace(path.resolve().parent.name, path, "nerfstudio-data")
    return recognised_place(path, path.resolve().name)


def _from_folder(folder: Path, option: str) -> SceneList:
    """Every scene right below a folder."""
    if not folder.is_dir():
        raise UserError(
            f"{folder} is neither a folder nor a list in YAML; give one of them as {option}"
        )
    below = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    found = [place for entry in below if (place := recognised_place(entry)) is not None]
    if not found:
        raise UserError(
            f"{folder} holds no scenes: each is a folder with transforms.json, "
            f"transforms_train.json or colmap/, or is named in {FILE_NAME}"
        )
    if len(found) == 1:
        return SceneList(train=(found[0],), val=(found[0],))
    kept = max(1, round(VALIDATION_SHARE * len(found)))
    return SceneList(train=tuple(found[:-kept]), val=tuple(found[-kept:]))


def _from_file(file: Path, skip_unreadable: bool) -> SceneList:
    lists = _parsed(file)
    known = [entry.name for entry in fields(SceneList)]
    for key in lists:
        if key not in known:
            raise UserError(f"{file} has the unknown key {key}; it may have {', '.join(known)}")
    found = {}
    for split, entries in lists.items():
        if not isinstance(entries, list | None):
            raise UserError(f"{split} in {file} is no list; write one scene per line with '- '")
        places = (_place(entry, file, skip_unreadable) for entry in entries or [])
        found[split] = [place for place in places if place is not None]
        _refuse_twice(found[split], f"twice in {split} of {file}")
    tested = {place.folder.resolve() for place in found.get("test", [])}
    others = [*found.get("train", []), *found.get("val", [])]
    for place in others:
        if place.folder.resolve() in tested:
            raise UserError(
                f"{place.name} in {file} is for testing and for training; drop it from one of them"
            )
    if not found.get("train") and not others and not tested:
        raise UserError(f"{file} names no scene that can be used; list at least one below train")
    names = _distinct_names({place.folder: place for split in found.values() for place in split})
    return SceneList(
        **{split: tuple(names(place) for place in places) for split, places in found.items()}
    )


def _parsed(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{file} cannot be read as YAML ({reason}); write it again") from error
    if not isinstance(content, dict):
        raise UserError(
            f"{file} must have the lists train, val and test; write it as in the README"
        )
    return content


def _place(entry: object, file: Path, skip_unreadable: bool) -> ScenePlace | None:
    """The scene that an entry names; None if it is left out."""
    given = {"path": entry} if isinstance(entry, str) else entry
    if not isinstance(given, dict) or not isinstance(given.get("path"), str):
        raise UserError(
            f"{file}: {entry!r} is no scene; give a folder, or path: and further fields"
        )
    options = {key: value for key, value in given.items() if key not in ("path", "dataparser")}
    folder = file.parent / given["path"]
    try:
        place = _existing(folder, given["path"], given.get("dataparser"))
    except UserError as error:
        if not skip_unreadable:
            raise UserError(
                f"{error} (or leave such scenes out with --pipeline.datamanager.skip-unreadable-scenes"
                " True)"
            ) from error
        Console().print(f"Skipped: {error}", style="yellow")
        return None
    place = replace(place, options=place.options | options)
    place.parser()  # wrong options are told now
    return place


def _existing(folder: Path, text: str, dataparser: str | None) -> ScenePlace:
    """The scene in a folder, read by the data parser of that name or a recognised one."""
    if not folder.exists():
        raise UserError(f"scene {text}: there is nothing at {folder}; mend the list")
    recognised = recognised_place(folder, text)
    if recognised is not None and dataparser in (None, recognised.dataparser):
        return recognised
    if dataparser is not None:
        return ScenePlace(text, folder, dataparser)
    raise UserError(
        f"scene {text}: {folder} has neither transforms.json nor transforms_train.json nor colmap/; "
        "say with dataparser: how to read it"
    )


def _refuse_twice(places: Iterable[ScenePlace], where: str) -> None:
    counts = Counter(place.folder.resolve() for place in places)
    for folder, count in counts.items():
        if count > 1:
            raise UserError(f"the scene {folder} stands {where}; drop one of them")


def _distinct_names(places: dict[Path, ScenePlace]) -> Any:
    """Renames scenes after their folders, where those differ."""
    counts = Counter(folder.resolve().name for folder in places)

    def renamed(place: ScenePlace) -> ScenePlace:
        short = place.folder.resolve().name
        return replace(place, name=short) if counts[short] == 1 else place

    return renamed
