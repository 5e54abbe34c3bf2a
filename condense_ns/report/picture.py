"""One picture of a report, checked when it is made."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from condense_ns.report.images import (
    check_mask,
    check_pixels,
    labels_uri,
    outline_path,
    photograph_uri,
)


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels and what is said below them.

    Attributes:
        pixels: RGB in bytes.
        caption: what the picture shows.
        note: a figure that belongs to it, for example ``IoU 0.71``.
        labels: whether the colours stand for classes: stored exactly, enlarged without smoothing.
        outline: the border of this mask is drawn on top; None for none.

    Raises:
        ReportError: pixels or outline of another type or shape.
    """

    pixels: UInt8[np.ndarray, "height width 3"]
    caption: str = ""
    note: str = ""
    labels: bool = False
    outline: Bool[np.ndarray, "height width"] | None = None

    def __post_init__(self) -> None:
        name = f"the picture “{self.caption}”" if self.caption else "a picture"
        check_pixels(self.pixels, name)
        if self.outline is not None:
            check_mask(self.outline, self.pixels, f"the outline of {name}")

    @property
    def height(self) -> int:
        """In pixels."""
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        """In pixels."""
        return self.pixels.shape[1]

    @property
    def uri(self) -> str:
        """The encoded pixels."""
        return labels_uri(self.pixels) if self.labels else photograph_uri(self.pixels)

    @property
    def path(self) -> str:
        """The outline as the data of an SVG path, empty without one."""
        return "" if self.outline is None else outline_path(self.outline)
