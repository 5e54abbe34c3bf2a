"""Weights: on disk first, from the Hugging Face hub last, and never a long wait without network."""

import json
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download

from condense_ns.encoders.base import EncoderError

_ANSWER_SECONDS = 5
_PART = re.compile(r"(?P<name>.+)-\d+-of-(?P<count>\d+)(?P<end>\.\w+)")
"""Name of one of several files that weights are split over."""
_INDEX = ".index.json"


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
    lacking: list[str] = []
    for choice in choices:
        folder = _cached(repo_id, choice)
        if folder is not None and not (missing := lacking_parts(folder, choice)):
            return folder
        lacking = lacking or ([] if folder is None else missing)
    try:
        return _downloaded(repo_id, choices)
    except Exception as error:
        files = " or ".join(" with ".join(choice) for choice in choices)
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        there = f"not whole, {', '.join(lacking)} missing," if lacking else "not"
        raise EncoderError(
            f"{spec}: the weights of {repo_id} ({files}) are {there} in {constants.HF_HUB_CACHE} and "
            f"downloading failed ({reason}); either run `hf download {repo_id}` on a machine with "
            f"network and copy that cache here, or name a local copy: {folder_spec}"
        ) from error


def lacking_parts(folder: Path, patterns: Sequence[str] = ("*",)) -> list[str]:
    """Names of the files that a folder lacks of weights that are split over several, sorted.

    Their index lists them, ``<name>.safetensors.index.json``; without it their own names tell how many there are.
    Where the same weights lie in a single file as well, none is lacking.

    Args:
        folder: where weights lie.
        patterns: of the names that are looked at.
    """
    there = {path.name for path in folder.iterdir() if path.exists()}  # a link may lead nowhere
    wanted: set[str] = set()
    for name in there:
        part = _PART.fullmatch(name)
        whole = f"{part['name']}{part['end']}" if part else name.removesuffix(_INDEX)
        if whole in there or not any(fnmatch(name, pattern) for pattern in patterns):
            continue  # files that are no parts are whole themselves
        wanted |= _counted(part) if part else _listed(folder / name)
    return sorted(wanted - there)


def _listed(index: Path) -> set[str]:
    """Files of an index; the index itself if it cannot be read, as another one is needed then."""
    try:
        parts = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        return {str(part) for part in parts}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {f"a readable {index.name}"}


def _counted(part: re.Match[str]) -> set[str]:
    """All files of the weights that a file is part of, and their index."""
    count, width = int(part["count"]), len(part["count"])
    names = (f"{part['name']}-{at:0{width}}-of-{part['count']}" for at in range(1, count + 1))
    return {f"{name}{part['end']}" for name in names} | {f"{part['name']}{part['end']}{_INDEX}"}


def _cached(repo_id: str, patterns: Sequence[str]) -> Path | None:
    """The cached folder, None if nothing in it is called as a pattern says; parts may be missing."""
    try:
        folder = Path(
            snapshot_download(repo_id, allow_patterns=list(patterns), local_files_only=True)
        )
    except Exception:
        return None  # The hub says "not cached" in several ways, all of them harmless here.
    names = (path.name for path in folder.iterdir() if path.exists())
    return folder if _complete(patterns, names) else None


def _downloaded(repo_id: str, choices: Sequence[Sequence[str]]) -> Path:
    """The folder after downloading the first of `choices` that the repository has."""
    # Asked first, since snapshot_download itself waits for ever if the hub does not answer.
    siblings = HfApi().model_info(repo_id, timeout=_ANSWER_SECONDS).siblings or []
    names = [sibling.rfilename for sibling in siblings]
    for choice in choices:
        if _complete(choice, names):
            folder = Path(snapshot_download(repo_id, allow_patterns=list(choice)))
            if lacking := lacking_parts(folder, choice):
                raise FileNotFoundError(f"the repository lacks {', '.join(lacking)}")
            return folder
    raise FileNotFoundError("the repository lacks these files")


def _complete(patterns: Sequence[str], names: Iterable[str]) -> bool:
    """Whether every pattern fits a name."""
    known = list(names)
    return all(any(fnmatch(name, pattern) for name in known) for pattern in patterns)
