"""What is where in the photographs of a scene: class and instance maps beside the images.

A scene folder is annotated if it holds ``annotations.json``:

* ``classes``: list of names; the value of a pixel in ``classes/<image stem>.png`` is a place in it.
  The name at place 0 stands for pixels that nobody has labelled and that are never counted.
* ``instances`` (may be missing): one entry per thing, with its ``class`` and ``caption``; the value of
  a pixel in ``instances/<image stem>.png`` is a place in it plus one, 0 is no thing.
* ``caption`` (may be missing): the scene in words.

Other keys are kept and not looked at. `condense synth` writes these files with exact truth; for photographs
of one's own any labelling tool that writes PNG masks will do. Images without a map are not counted.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64
from PIL import Image

from condense_ns.errors import UserError

FILE_NAME = "annotations.json"
CLASSES_FOLDER, INSTANCES_FOLDER = "classes", "instances"
UNLABELLED = 0
SURROUNDINGS = ("floor", "wall", "ceiling")
"""What is no thing that one looks for."""


@dataclass(frozen=True)
class AnnotatedThing:
    """One thing of a scene."""

    class_name: str
    """One of the scene's classes."""
    caption: str
    """What it may be called, for example "a red striped chair"."""


@dataclass(frozen=True)
class SceneAnnotations:
    """The annotations of one scene folder; maps are read when asked for."""

    folder: Path
    classes: tuple[str, ...]
    """Names by number; number 0 is unlabelled."""
    things: tuple[AnnotatedThing, ...]
    """In the order of the instance maps; empty if there are none."""
    caption: str

    def class_map(self, image: Path) -> Int64[np.ndarray, "height width"] | None:
        """Class number of each pixel of an image; None if the image has no map.

        Raises:
            UserError: the file is no map of the scene's classes.
        """
        return self._map(CLASSES_FOLDER, image, len(self.classes) - 1)

    def instance_map(self, image: Path) -> Int64[np.ndarray, "height width"] | None:
        """Place in `things` plus one of each pixel, 0 for none; None if the image has no map.

        Raises:
            UserError: the file is no map of the scene's things.
        """
        return self._map(INSTANCES_FOLDER, image, len(self.things))

    def _map(
        self, kind: str, image: Path, largest: int
    ) -> Int64[np.ndarray, "height width"] | None:
        path = self.folder / kind / f"{image.stem}.png"
        if not path.is_file():
            return None
        try:
            with Image.open(path) as opened:
                numbers = np.array(opened)
        except (OSError, ValueError, SyntaxError) as error:  # Pillow's word for broken chunks
            raise UserError(f"{path} cannot be read as an image; write it again as PNG") from error
        if numbers.ndim != 2:
            raise UserError(f"{path} has several channels; a map has one, of whole numbers")
        if numbers.size and int(numbers.max()) > largest:
            raise UserError(
                f"{path} holds the number {int(numbers.max())}, but {FILE_NAME} names {kind} up to "
                f"{largest} only; add the missing ones"
            )
        return numbers.astype(np.int64)


def read_annotations(folder: Path) -> SceneAnnotations | None:
    """The annotations of a scene folder; None if it has none.

    Raises:
        UserError: `annotations.json` is not what the module describes.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content["classes"], list):
            raise TypeError("`classes` is no list")
        classes = tuple(str(name) for name in content["classes"])
        things = tuple(
            AnnotatedThing(str(thing["class"]), str(thing.get("caption", thing["class"])))
            for thing in content.get("instances", ())
        )
        caption = str(content.get("caption", ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} cannot be read ({type(error).__name__}: {error}); it must hold a list `classes` "
            "and may hold a list `instances` of objects with `class` and `caption`"
        ) from error
    unknown = {thing.class_name for thing in things} - set(classes)
    if len(classes) < 2 or unknown:
        culprit = f"does not list {', '.join(sorted(unknown))}" if unknown else "is too short"
        raise UserError(f"{path}: the list `classes` {culprit}; name 0 is for unlabelled pixels")
    return SceneAnnotations(folder, classes, things, caption)
