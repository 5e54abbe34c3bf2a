"""A photograph with the keypoints that matched a scene and where the scene's points would be.

Inliers are green, outliers red; a line leads from each keypoint to the place where the found pose
shows the point it was matched with. Lines that would cross the picture are cut short.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from condense_ns.whole_files import whole_file

LONGEST_SIDE = 1280
"""Pixels of a picture, into which every photograph is enlarged or reduced."""

_FINER = 2  # times finer than the picture are lines drawn, for smooth edges
_GREEN, _RED, _WHITE = (64, 224, 112), (255, 76, 64), (255, 255, 255)
_STRIP = 44  # pixels of the legend
_BACKGROUND = (22, 24, 28)
_DIMMED = 0.68  # brightness of the photograph, on which colours stand out
_LONGEST_LINE = 0.04  # longest sides


@dataclass(frozen=True)
class DrawnMatches:
    """Matches in pixels of the photograph (first pixel centre 0.5)."""

    pixels: Float[Tensor, "matches 2"]
    """Keypoints of the photograph."""
    projected: Float[Tensor, "matches 2"] | None
    """The points they matched under the found pose, not finite if behind the camera; None without
    a pose."""
    inliers: Bool[Tensor, " matches"]
    """Which agree with the pose."""


def write_match_picture(
    path: Path, rgb: Float[Tensor, "3 height width"], matches: DrawnMatches
) -> None:
    """Draw and save as PNG.

    Raises:
        UserError: the file cannot be written.
    """
    picture = Image.fromarray(match_picture(rgb, matches))
    with whole_file(path) as unfinished:
        picture.save(unfinished, "PNG")


def match_picture(
    rgb: Float[Tensor, "3 height width"], matches: DrawnMatches
) -> UInt8[np.ndarray, "drawn_height drawn_width 3"]:
    """The photograph with its matches, 1280 pixels along its longest side, and a legend below.

    Args:
        rgb: in [0, 1].
        matches: in its pixels.
    """
    height, width = rgb.shape[1:]
    scale = LONGEST_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    pixels = (rgb.detach().cpu().clamp(0.0, 1.0) * 255.0 * _DIMMED).round().byte()
    photograph = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    photograph = photograph.resize(size, Image.Resampling.LANCZOS)
    overlay = _overlay(size, matches, scale)
    photograph.paste(overlay, (0, 0), overlay)
    sheet = Image.new("RGB", (size[0], size[1] + _STRIP), _BACKGROUND)
    sheet.paste(photograph, (0, 0))
    _write_legend(sheet, size[1], matches)
    return np.array(sheet)


def _overlay(size: tuple[int, int], matches: DrawnMatches, scale: float) -> Image.Image:
    """Lines below dots, outliers below inliers, with smooth edges."""
    finer = (size[0] * _FINER, size[1] * _FINER)
    overlay = Image.new("RGBA", finer, (*_WHITE, 0))
    draw = ImageDraw.Draw(overlay)
    starts = matches.pixels.detach().cpu().double() * scale * _FINER
    ends = (
        starts if matches.projected is None else matches.projected.detach().cpu() * scale * _FINER
    )
    ends = _shortened(starts, ends.double())
    for good, colour, opacity, radius in ((False, _RED, 110, 2.5), (True, _GREEN, 220, 3.5)):
        chosen = matches.inliers.cpu() == good
        pairs = list(zip(starts[chosen].tolist(), ends[chosen].tolist(), strict=True))
        for start, end in pairs:
            draw.line([*start, *end], (*colour, opacity), width=round(1.5 * _FINER))
        for (x, y), _ in pairs:
            _dot(draw, x, y, radius * _FINER, colour)
    return overlay.resize(size, Image.Resampling.BOX)


def _shortened(
    starts: Float[Tensor, "matches 2"], ends: Float[Tensor, "matches 2"]
) -> Float[Tensor, "matches 2"]:
    """Ends no farther away than lines may be long; the start itself where there is no end."""
    ways = (ends - starts).nan_to_num(0.0, 0.0, 0.0)
    lengths = torch.linalg.vector_norm(ways, dim=1, keepdim=True).clamp_min(1e-9)
    return starts + ways * (_LONGEST_LINE * LONGEST_SIDE * _FINER / lengths).clamp(max=1.0)


def _dot(
    draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: tuple[int, int, int]
) -> None:
    outer = radius + _FINER  # a dark rim keeps it visible on any colour
    draw.ellipse([x - outer, y - outer, x + outer, y + outer], fill=(0, 0, 0, 150))
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=(*colour, 255))


def _write_legend(sheet: Image.Image, top: int, matches: DrawnMatches) -> None:
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    agreeing = int(matches.inliers.sum())
    others = len(matches.inliers) - agreeing
    left, middle = 18.0, top + _STRIP / 2
    for colour, words in ((_GREEN, f"{agreeing} agree"), (_RED, f"{others} do not")):
        draw.ellipse([left, middle - 6, left + 12, middle + 6], fill=colour)
        draw.text((left + 22, middle), words, _WHITE, font, anchor="lm")
        left += 22 + draw.textlength(words, font) + 28
