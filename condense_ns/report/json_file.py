"""Results as JSON."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from condense_ns.errors import UserError
from condense_ns.whole_files import write_text


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a result with its provenance; `path` is never left half-written.

    Raises:
        UserError: the file cannot be written.
    """
    write_text(path, json.dumps(content, indent=2) + "\n")


def read_json(path: Path, remedy: str, names: Collection[str] = ()) -> dict[str, Any]:
    """What `write_json` has written.

    Args:
        path: the file.
        remedy: what to do if it is damaged, for the error.
        names: what it holds at least.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} cannot be read ({reason}); {remedy}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}, not an object; {remedy}")
    lacking = sorted(set(names) - content.keys())
    if lacking:
        raise UserError(f"{path} lacks {', '.join(lacking)}; {remedy}")
    return content
