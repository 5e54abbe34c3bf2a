"""Folders of the user's cache, one per scene and kind of thing."""

import hashlib
import os
from pathlib import Path


def scene_cache_folder(kind: str, scene: Path) -> Path:
    """Where things of one kind that were worked out for a scene are kept.

    Args:
        kind: e.g. features.
        scene: the scene's folder; another folder of the same name gets another place.
    """
    place = scene.resolve()
    digest = hashlib.sha256(str(place).encode()).hexdigest()[:8]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "condense_ns" / kind / f"{place.name}-{digest}"
