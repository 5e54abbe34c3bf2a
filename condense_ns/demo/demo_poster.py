"""All of a demonstration in one picture, for a README or a slide."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from condense_ns.demo.demo_pictures import ViewPictures
from condense_ns.whole_files import whole_file

ROWS = (("photograph", "rendered", "depth"), ("encoder_pca", "field_pca", "field_classes"))
GAP = 6  # pixels of white between pictures


def poster(view: ViewPictures) -> UInt8[np.ndarray, "height width 3"]:
    """Photograph, rendered, depth; below, features of encoder and field, classes of the field."""
    rows = [_joined([view.pictures[name] for name in names], axis=1) for names in ROWS]
    return _joined(rows, axis=0)


def write_poster(view: ViewPictures, path: Path) -> None:
    """Write the picture of a view as WebP; `path` is never left half-written."""
    with whole_file(path) as unfinished:
        Image.fromarray(poster(view)).save(unfinished, "WEBP", quality=85, method=6)


def _joined(
    parts: list[UInt8[np.ndarray, "_height _width 3"]], axis: int
) -> UInt8[np.ndarray, "height width 3"]:
    first, *others = parts
    shape = list(first.shape)
    shape[axis] = GAP
    gap = np.full(shape, 255, dtype=np.uint8)
    return np.concatenate([first, *(x for part in others for x in (gap, part))], axis=axis)
