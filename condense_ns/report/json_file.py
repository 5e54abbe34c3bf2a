"""Results as JSON."""

import json
from pathlib import Path
from typing import Any

from condense_ns.whole_files import write_text


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a result with its provenance; `path` is never left half-written.

    Raises:
        UserError: the file cannot be written.
    """
    write_text(path, json.dumps(content, indent=2) + "\n")
