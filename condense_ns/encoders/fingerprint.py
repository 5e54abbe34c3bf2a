"""Digests that tell two encoders apart by their numbers, not by their names.

Every encoder digests its weights and its settings into one hexadecimal text. Files are digested
byte for byte, so that the answer does not depend on the library that reads them; where there is no
file, the tensors themselves are. Device and library versions are left out: they change features
only by rounding.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_CHUNK_BYTES = 1 << 20


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Digest of settings that JSON can hold; the order of the keys does not matter.

    Raises:
        TypeError: a value that JSON cannot hold, since its text could differ from run to run.
    """
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def files_digest(paths: Sequence[Path]) -> str:
    """Digest of the bytes of files in the order of their names, whatever the folder and names."""
    digest = hashlib.sha256()
    for path in sorted(paths, key=lambda path: path.name):
        digest.update(f"{path.stat().st_size};".encode())
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()


def state_digest(state: Mapping[str, Tensor]) -> str:
    """Digest of the names, types, shapes and contents of tensors."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
