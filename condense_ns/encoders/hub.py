"""Weights: on disk first, from the Hugging Face hub last, and never a long wait without network."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download

from condense_ns.encoders.base import EncoderError

_ANSWER_SECONDS = 5


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
        if folder := _cached(repo_id, choice):
            return folder
    try:
        return _downloaded(repo_id, choices)
    except Exception as error:
        files = " or ".join(" with ".join(choice) for choice in choices)
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise EncoderError(
            f"{spec}: the weights of {repo_id} ({files}) are not in {constants.HF_HUB_CACHE} and "
            f"downloading failed ({reason}); either run `hf download {repo_id}` on a machine with "
            f"network and copy that cache here, or name a local copy: {folder_spec}"
        ) from error


def _cached(repo_id: str, patterns: Sequence[str]) -> Path | None:
    """The cached folder, None if a file is missing."""
    try:
        folder = Path(
            snapshot_download(repo_id, allow_patterns=list(patterns), local_files_only=True)
        )
    except Exception:
        return None  # The hub says "not cached" in several ways, all of them harmless here.
    return folder if _complete(patterns, (path.name for path in folder.iterdir())) else None


def _downloaded(repo_id: str, choices: Sequence[Sequence[str]]) -> Path:
    """The folder after downloading the first of `choices` that the repository has."""
    # Asked first, since snapshot_download itself waits for ever if the hub does not answer.
    siblings = HfApi().model_info(repo_id, timeout=_ANSWER_SECONDS).siblings or []
    names = [sibling.rfilename for sibling in siblings]
    for choice in choices:
        if _complete(choice, names):
            return Path(snapshot_download(repo_id, allow_patterns=list(choice)))
    raise FileNotFoundError("the repository lacks these files")


def _complete(patterns: Sequence[str], names: Iterable[str]) -> bool:
    """Whether every pattern fits a name."""
    known = list(names)
    return all(any(fnmatch(name, pattern) for name in known) for pattern in patterns)
