"""Small copies of large photographs, kept in the user's cache.

A photograph of several megapixels takes a tenth of a second to decode, undistort and reduce, and a step
of training looks at many. The copy takes a millisecond.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from condense_ns.data.kept_tensor import kept_tensor
from condense_ns.data.undistortion import Lens

LARGE = 8
"""A photograph is large that has so many times the pixels of its copy."""


def is_large(lens: Lens, height: int, width: int) -> bool:
    """Whether a photograph through this lens is worth a copy of so many pixels."""
    return lens.height * lens.width >= LARGE * height * width


def kept_copy(
    folder: Path,
    photograph: Path,
    variant: str,
    read: Callable[[], Float[Tensor, "channels height width"]],
) -> Float[Tensor, "channels height width"]:
    """The reduced photograph, or mask, in 8 bits per colour, read from its copy if there is one.

    Args:
        folder: of the copies of a scene.
        photograph: another file, size or time of change needs another copy.
        variant: whatever else changes the pixels, the size of the copy included.
        read: makes it from the photograph.
    """
    status = photograph.stat()
    content = f"{photograph.resolve()} {status.st_size} {status.st_mtime_ns} {variant}"
    file = folder / f"{hashlib.sha256(content.encode()).hexdigest()[:20]}.safetensors"
    return kept_tensor(file, lambda: (read() * 255).round().byte()).float() / 255
