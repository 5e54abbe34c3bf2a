"""Backbones that are named on a command line, to be compared with each other."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from condense_ns.errors import UserError

if TYPE_CHECKING:
    from condense_ns.encoders.base import ImageEncoder
    from condense_ns.fields.backbone_file import SavedBackbone


def check_backbones(named: Sequence[str | Path], drawn: Collection[str] = ()) -> None:
    """Whether all are there and can be told apart.

    Args:
        named: files, or "shipped"; rows of a table are called by the files' names without an ending.
        drawn: what may stand for a backbone that lies in no file.

    Raises:
        UserError: none is named, one is not there, or two have the same name.
    """
    from condense_ns.fields.backbone_file import backbone_path

    if not named:
        raise UserError("no backbone given; name at least one file with --backbones")
    names = [Path(one).stem for one in named]
    if len(set(names)) < len(names):
        raise UserError("two of --backbones have the same file name; rename one")
    for one in named:
        if one not in drawn and not backbone_path(Path(one)).is_file():
            raise UserError(f"there is no backbone {one}; check --backbones")


def backbones_of(files: Sequence[Path], encoder: "ImageEncoder") -> "dict[str, SavedBackbone]":
    """What files hold, by the names of a table's rows.

    Args:
        files: or "shipped".
        encoder: whose features all must have learned.

    Raises:
        UserError: a file cannot be read, or was trained with another encoder.
    """
    from condense_ns.fields.backbone_file import load_backbone

    found = {file.stem: load_backbone(file) for file in files}
    for saved in found.values():
        saved.decoders.of_encoder(encoder.spec, encoder.fingerprint)
    return found
