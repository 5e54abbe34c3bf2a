"""`condense query --index`: which scenes hold what words describe; a table and a sheet of thumbnails."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from condense_ns.commands.index_place import open_index
from condense_ns.errors import UserError

if TYPE_CHECKING:
    from condense_ns.retrieval.scene_asking import AskedScene

SHEET_COLUMNS = 4
MARGIN = 4
"""Pixels between thumbnails."""


def ask_index(
    place: str,
    storage_options: tuple[str, ...],
    words: tuple[str, ...],
    negatives: tuple[str, ...],
    encoder: str | None,
    count: int,
    image_size: int | None = None,
) -> "list[AskedScene]":
    """Scenes of an index, the best first.

    Args:
        place: of the index.
        storage_options: each as key=value.
        words: for one thing.
        negatives: what it is told apart from.
        encoder: spec of the index's encoder of words, where that is called differently here.
        count: of scenes.
        image_size: longest side in pixels that this encoder saw; None for its default.

    Raises:
        UserError: no such index, one that knows no words, another encoder than its own, or no words.
    """
    from condense_ns.pipelines.index_detector import known_encoder
    from condense_ns.retrieval.asking import text_query
    from condense_ns.retrieval.scene_asking import ask_scenes, no_centre

    index = open_index(place, storage_options)
    known = index.contents.language
    if known is None:
        raise UserError(f"{place} knows no words; make an index with condense index add --language")
    built = known_encoder(index, known.source, encoder, image_size)
    from condense_ns.encoders.base import TextImageEncoder

    if not isinstance(built, TextImageEncoder):
        raise UserError(f"{built.spec}, which {place} was made with, does not know words")
    query = text_query(built, words, negatives, no_centre(index), None)
    return ask_scenes(index, query, count)


def tell_scenes(scenes: "list[AskedScene]", words: str, folder: Path, as_json: bool) -> None:
    """Print the scenes and write scenes.png and scenes.html into a folder.

    Raises:
        UserError: the folder cannot be written.
    """
    write_sheet(scenes, words, folder)
    if as_json:
        rows = [
            {
                "scene": scene.name,
                "relevancy": scene.relevancy,
                "xyz": scene.xyz.tolist(),
                "radius": scene.radius,
            }
            for scene in scenes
        ]
        print(json.dumps(rows, indent=2))
        return
    table = Table("", "scene", "relevancy", "best region", "radius", title=f"'{words}'")
    for rank, scene in enumerate(scenes, start=1):
        place = ", ".join(f"{value:.3f}" for value in scene.xyz.tolist())
        row = (str(rank), scene.name, f"{scene.relevancy:.3f}", place, f"{scene.radius:.3f}")
        table.add_row(*row)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"thumbnails in {folder / 'scenes.html'}", soft_wrap=True)


def write_sheet(scenes: "list[AskedScene]", words: str, folder: Path) -> None:
    """The scenes' thumbnails side by side, as a picture and as a page.

    Raises:
        UserError: the folder cannot be written.
    """
    from PIL import Image

    from condense_ns.report.blocks import Gallery
    from condense_ns.report.page import Page, write_page
    from condense_ns.report.picture import Picture
    from condense_ns.whole_files import whole_file

    pictures = [
        Picture(scene.thumbnail.numpy(), scene.name, f"{scene.relevancy:.3f}") for scene in scenes
    ]
    columns = max(1, min(SHEET_COLUMNS, len(pictures)))
    gallery = Gallery("Scenes, the best first", tuple(pictures), columns)
    write_page(Page(f"“{words}”", (gallery,)), folder / "scenes.html")
    with whole_file(folder / "scenes.png") as unfinished:
        sheet = _sheet([picture.pixels for picture in pictures], columns)
        Image.fromarray(sheet).save(unfinished, format="PNG")


def _sheet(pictures: list[np.ndarray], columns: int) -> np.ndarray:
    """Pictures in rows on white, each in the upper left corner of its place."""
    height = max((picture.shape[0] for picture in pictures), default=1) + MARGIN
    width = max((picture.shape[1] for picture in pictures), default=1) + MARGIN
    rows = max(1, math.ceil(len(pictures) / columns))
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        top, left = number // columns * height, number % columns * width
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet
