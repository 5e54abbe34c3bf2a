"""Where an index of scenes lies: the options that all commands on one share."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tyro

from condense_ns.errors import UserError

if TYPE_CHECKING:
    from condense_ns.retrieval.scene_index import SceneIndex

Flag = tyro.conf.UseCounterAction[int]
"""An option without a value: --json. Others take True or False (`commands/main.py`)."""


@dataclass(kw_only=True)
class IndexPlace:
    """An index of scenes."""

    index: str
    """Its folder, or a URI of object storage or of a LanceDB server: s3://bucket/scenes, gs://…, az://…, db://…"""
    storage_options: tuple[str, ...] = ()
    """Settings of the object storage, each as key=value, e.g. region=eu-central-1; LanceDB documents them."""
    json: Flag = 0
    """Print the answer as JSON instead of as a table."""

    def opened(self) -> "SceneIndex":
        """The index.

        Raises:
            UserError: there is none.
        """
        return open_index(self.index, self.storage_options)


def open_index(place: str, storage_options: tuple[str, ...]) -> "SceneIndex":
    """The index at a place.

    Raises:
        UserError: there is none, or a setting is no key=value.
    """
    from condense_ns.retrieval.scene_index import SceneIndex

    return SceneIndex.open(place, settings(storage_options))


def settings(options: tuple[str, ...]) -> dict[str, str] | None:
    """Settings of the object storage; None without any.

    Raises:
        UserError: one is no key=value.
    """
    for option in options:
        if not option.partition("=")[0] or "=" not in option:
            raise UserError(f"--storage-options {option}: write key=value")
    return dict(option.split("=", 1) for option in options) or None
