"""The sections with pictures in them: galleries, comparisons, films, queries.

All are plain data, checked when they are made; the templates of the same names show them.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from condense_ns.report.images import (
    ReportError,
    check_mask,
    check_pixels,
    film_uri,
    spotlight,
)
from condense_ns.report.picture import Picture

STRIP_FRAMES = 6


@dataclass(frozen=True, eq=False)
class Gallery:
    """Pictures in rows and columns.

    Attributes:
        title: of the section.
        pictures: row after row; None leaves a place free.
        columns: pictures in a row.
        text: a sentence below the title.
        column_headings: one per column, or none.
        row_headings: one per row, or none.
        legend: names and what they stand for, as red, green and blue in bytes.

    Raises:
        ReportError: the headings do not fit the rows and columns.
    """

    title: str
    pictures: tuple[Picture | None, ...]
    columns: int
    text: str = ""
    column_headings: tuple[str, ...] = ()
    row_headings: tuple[str, ...] = ()
    legend: tuple[tuple[str, tuple[int, int, int]], ...] = ()

    def __post_init__(self) -> None:
        if self.columns < 1:
            raise ReportError(f"the gallery “{self.title}” needs at least one column")
        rows = math.ceil(len(self.pictures) / self.columns)
        for headings, expected, axis in (
            (self.column_headings, self.columns, "columns"),
            (self.row_headings, rows, "rows"),
        ):
            if headings and len(headings) != expected:
                raise ReportError(
                    f"the gallery “{self.title}” has {expected} {axis} "
                    f"but headings for {len(headings)}"
                )

    @property
    def rows(self) -> list[tuple[Picture | None, ...]]:
        """The pictures of every row."""
        starts = range(0, len(self.pictures), self.columns)
        return [self.pictures[start : start + self.columns] for start in starts]

    @property
    def widest(self) -> int:
        """The width of the widest picture in pixels, 0 without any."""
        return max((picture.width for picture in self.pictures if picture is not None), default=0)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Pictures of the same view on top of each other, with a border that can be pulled.

    Attributes:
        title: of the section.
        pictures: at least two of one size, all with captions; the first two are shown at first.
        text: a sentence below the title.

    Raises:
        ReportError: fewer than two pictures, several sizes, or a picture without a caption.
    """

    title: str
    pictures: tuple[Picture, ...]
    text: str = ""

    def __post_init__(self) -> None:
        if len(self.pictures) < 2:
            raise ReportError(f"the comparison “{self.title}” needs two pictures or more")
        if not all(picture.caption for picture in self.pictures):
            raise ReportError(f"every picture of the comparison “{self.title}” needs a caption")
        _check_one_size([picture.pixels for picture in self.pictures], f"“{self.title}”")


@dataclass(frozen=True, eq=False)
class Film:
    """Frames that play in a loop; on paper a strip of some of them.

    Attributes:
        title: of the section.
        frames: RGB in bytes, all of one size.
        frames_per_second: above 0.
        caption: what the film shows.
        text: a sentence below the title.
        headings: if every frame is made of equally wide parts side by side, their names.

    Raises:
        ReportError: no frames, frames that are no pictures or of several sizes, or no speed.
    """

    title: str
    frames: tuple[UInt8[np.ndarray, "height width 3"], ...]
    frames_per_second: float
    caption: str = ""
    text: str = ""
    headings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.frames:
            raise ReportError(f"the film “{self.title}” has no frames")
        if not self.frames_per_second > 0:
            raise ReportError(
                f"the film “{self.title}” must show more than 0 frames a second, "
                f"not {self.frames_per_second}"
            )
        for index, frame in enumerate(self.frames):
            check_pixels(frame, f"frame {index} of the film “{self.title}”")
        _check_one_size(list(self.frames), f"“{self.title}”")

    @property
    def still(self) -> Picture:
        """The first frame."""
        return Picture(self.frames[0])

    @property
    def strip(self) -> list[Picture]:
        """A few frames, evenly spaced."""
        count = min(STRIP_FRAMES, len(self.frames))
        return [Picture(self.frames[len(self.frames) * step // count]) for step in range(count)]

    @property
    def uri(self) -> str:
        """The encoded frames."""
        return film_uri(self.frames, self.frames_per_second)


@dataclass(frozen=True)
class Score:
    """A figure in [0, 1] that is drawn as a bar, for example an IoU.

    Attributes:
        name: whose figure it is.
        value: in [0, 1].

    Raises:
        ReportError: the value is outside.
    """

    name: str
    value: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:
            raise ReportError(f"the score “{self.name}” must lie in [0, 1], not be {self.value}")


@dataclass(frozen=True, eq=False)
class QueryStrip:
    """What was asked in words, where it was found, and how well.

    Attributes:
        words: the query.
        view: the photograph.
        heat: the relevancy of every pixel as colours, alone or on the photograph.
        found: the region above the threshold.
        truth: the right region, drawn as an outline; None if nobody knows it.
        measure: what the scores are, for example ``IoU``.
        scores: ours first, then its rivals.

    Raises:
        ReportError: pictures or masks of another type or size than the view.
    """

    words: str
    view: UInt8[np.ndarray, "height width 3"]
    heat: UInt8[np.ndarray, "height width 3"]
    found: Bool[np.ndarray, "height width"]
    truth: Bool[np.ndarray, "height width"] | None = None
    measure: str = "IoU"
    scores: tuple[Score, ...] = ()

    def __post_init__(self) -> None:
        name = f"of the query “{self.words}”"
        check_pixels(self.view, f"the view {name}")
        check_pixels(self.heat, f"the heat {name}")
        _check_one_size([self.view, self.heat], f"“{self.words}”")
        check_mask(self.found, self.view, f"the found region {name}")
        if self.truth is not None:
            check_mask(self.truth, self.view, f"the truth {name}")

    @property
    def pictures(self) -> tuple[Picture, Picture, Picture]:
        """View, relevancy, found region."""
        found = "Found" if self.truth is None else "Found, truth outlined"
        return (
            Picture(self.view, "View"),
            Picture(self.heat, "Relevancy"),
            Picture(spotlight(self.view, self.found), found, outline=self.truth),
        )


@dataclass(frozen=True, eq=False)
class Queries:
    """Several queries below each other.

    Attributes:
        title: of the section.
        strips: one per query.
        text: a sentence below the title.
    """

    title: str
    strips: tuple[QueryStrip, ...]
    text: str = ""


def _check_one_size(
    pictures: list[UInt8[np.ndarray, "_height _width 3"]],
    name: str,
) -> None:
    sizes = sorted({picture.shape[:2] for picture in pictures})
    if len(sizes) > 1:
        raise ReportError(f"the pictures of {name} differ in size: {sizes}; give them one size")
