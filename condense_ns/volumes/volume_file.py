"""A SparseVolume as one safetensors file: arrays without code, mapped into memory as they are used.

The header says how long each array is, and the file must have exactly these bytes, so that a stranger's
file can neither run anything nor ask for more memory than it is long. Everything else (version, kind,
size, provenance) is JSON in one entry of the header; equal volumes give equal bytes.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from condense_ns.errors import UserError
from condense_ns.volumes.sparse_volume import KINDS, SparseVolume
from condense_ns.volumes.volume_checks import (
    ARRAYS,
    FEATURES,
    arrays_of,
    refuse_shapes,
    validated,
)
from condense_ns.whole_files import whole_file

FORMAT, VERSION = "condense volume", 1
ENDING = ".safetensors"
_ENTRY = "volume"


def write_volume(path: Path, volume: SparseVolume) -> None:
    """Write a volume; `path` is never left half-written.

    Args:
        path: the file; its folder is made if missing.
        volume: what to write.

    Raises:
        UserError: the file cannot be written, or the volume is one that no reader accepts.
    """
    arrays = arrays_of(validated(volume))
    arrays = {name: array.detach().cpu().contiguous() for name, array in arrays.items()}
    about = {
        "format": FORMAT,
        "version": VERSION,
        "voxel_size": volume.voxel_size,
        "kind": volume.kind,
        "encoder": volume.encoder,
        "provenance": volume.provenance,
    }
    with whole_file(path) as unfinished:
        save_file(arrays, unfinished, metadata={_ENTRY: json.dumps(about, sort_keys=True)})


def read_volume(path: Path, with_features: bool = True) -> SparseVolume:
    """The volume in a file of `write_volume`, which is checked in every detail.

    Its arrays stay in the file until they are used, so the file must not change meanwhile; replacing it
    as a whole is no harm.

    Args:
        path: the file.
        with_features: leave features out otherwise.

    Raises:
        UserError: no such file, or one that is damaged, of another version or no sound volume.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = _about(file.metadata() or {}, path)
            names = set(file.keys())
            wanted = [*ARRAYS, *([FEATURES] if with_features else [])]
            arrays = {name: file.get_tensor(name) for name in wanted if name in names}
    except (OSError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} cannot be read as a volume ({reason}); make it anew") from error
    return validated(_volume(arrays, about, path), str(path))


def _about(metadata: dict[str, str], path: Path) -> dict[str, Any]:
    """What the header says of a file of the version that is known here.

    Raises:
        UserError: the file is none, or of another version.
    """
    try:
        about = json.loads(metadata.get(_ENTRY, ""))
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise UserError(f"{path} is no volume; give one that condense wrote")
    if about.get("version") != VERSION:
        raise UserError(
            f"{path} is a volume of version {about.get('version')}, of which only {VERSION} is known "
            "here; make it anew"
        )
    return about


def _volume(arrays: dict[str, torch.Tensor], about: dict[str, Any], path: Path) -> SparseVolume:
    """Arrays and header as a volume.

    Raises:
        UserError: arrays of other shapes, or a header of other things.
    """
    size, provenance = about.get("voxel_size"), about.get("provenance")
    texts = {name: about.get(name) for name in ("kind", "encoder")}
    texts |= provenance if isinstance(provenance, dict) else {"provenance": None}
    if type(size) is not float or not all(isinstance(text, str) for text in texts.values()):
        raise UserError(f"{path} has a damaged description; make the volume anew")
    if about["kind"] not in KINDS:
        raise UserError(f"{path} is of the unknown kind {about['kind']!r}; update condense_ns")
    refuse_shapes(arrays, str(path))
    return SparseVolume(
        **arrays,
        voxel_size=size,
        kind=about["kind"],
        encoder=about["encoder"],
        provenance=about["provenance"],
    )
