"""Weights: on disk first, from the Hugging Face hub last, and never a long wait without network."""

import os
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import constants, snapshot_download

from condense_ns.encoders.base import EncoderError

_TRUE = {"1", "ON", "YES", "TRUE"}


def hub_folder(repo_id: str, choices: Sequence[Sequence[str]], spec: str, folder_spec: str) -> Path:
    """Folder with the files of the first of `choices` that can be had.

    Args:
        repo_id: for example ``facebook/dinov2-small``.
        choices: each a list of file patterns of which all must be there, best first.
        spec: the encoder asked for, for the error.
        folder_spec: how the user names a folder instead, for the error.

    Raises:
        EncoderError: the files are neither in the cache nor to be downloaded.
    """
    for choice in choices:
        try:
            folder = _snapshot(repo_id, choice, cached_only=True)
        except Exception:
            continue  # The hub says "not cached" in several ways, all of them harmless here.
        if _complete(folder, choice):
            return folder
    reason = "the network is switched off by HF_HUB_OFFLINE"
    if not is_offline():
        reason = "the repository lacks the expected files"
        for choice in choices:
            try:
                folder = _snapshot(repo_id, choice, cached_only=False)
            except Exception as error:
                first_line = (str(error).splitlines() or [type(error).__name__])[0]
                reason = f"downloading failed: {first_line}"
                break
            if _complete(folder, choice):
                return folder
    raise EncoderError(_missing(repo_id, choices, spec, folder_spec, reason))


def is_offline() -> bool:
    """Whether the user forbids the hub; read now, not when huggingface_hub was imported."""
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return any(os.environ.get(name, "").upper() in _TRUE for name in names)


def _snapshot(repo_id: str, patterns: Sequence[str], cached_only: bool) -> Path:
    folder = snapshot_download(
        repo_id, allow_patterns=list(patterns), local_files_only=cached_only, etag_timeout=5
    )
    return Path(folder)


def _complete(folder: Path, patterns: Sequence[str]) -> bool:
    return all(any(folder.glob(pattern)) for pattern in patterns)


def _missing(
    repo_id: str, choices: Sequence[Sequence[str]], spec: str, folder_spec: str, reason: str
) -> str:
    files = " or ".join(" with ".join(choice) for choice in choices)
    return (
        f"{spec}: the weights of {repo_id} ({files}) are not in {constants.HF_HUB_CACHE} and "
        f"{reason}; either run `hf download {repo_id}` on a machine with network and copy that "
        f"cache here, or name a local copy: {folder_spec}"
    )
