"""Results written so that the file is either whole or the old one."""

import json
from pathlib import Path
from typing import Any

from condense_ns.errors import UserError


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a result with its provenance.

    Raises:
        UserError: the folder cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps(content, indent=2) + "\n")
        unfinished.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}); choose another") from error
