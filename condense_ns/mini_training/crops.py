"""Random crops of photographs, and what their patches show.

Colours are never turned into others, since captions name them; brightness, contrast, sharpness and
noise vary.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64, UInt16
from torch import Tensor

from condense_ns.mini_training.photographs import Photographs
from condense_ns.mini_training.prompts import Described, caption_of

CLEAR_SHARE = 0.6
"""Share of a patch's pixels that must agree for it to be trained."""
SCALES = (0.7, 1.8)
"""Range of the factor by which photographs are resized."""
AIMED_SHARE = 0.5
"""Share of crops that are sure to show a thing drawn from all that are seen, however small."""

_WHOLE_SHARE = 0.7  # from which share of a photograph on the scene's own caption may be true
_NAMED_SHARE = 0.02  # of a crop's patches, for a thing to be named in its caption


@dataclass(frozen=True)
class Crops:
    """A batch for training.

    Attributes:
        images: RGB in [0, 1].
        classes: number of each patch's class; -1 where none is clear.
        things: place of each patch's thing in `described`; -1 where none is clear.
        described: the things of the photographs, one after another.
        captions: one per image.
    """

    images: Float[Tensor, "batch 3 height width"]
    classes: Int64[Tensor, "batch rows columns"]
    things: Int64[Tensor, "batch rows columns"]
    described: list[Described]
    captions: list[str]


def random_crops(
    photographs: Photographs,
    chosen: Sequence[int],
    size: tuple[int, int],
    patch_size: int,
    generator: random.Random,
) -> Crops:
    """One crop of each of the chosen photographs, with its labels.

    Args:
        photographs: where from.
        chosen: their numbers.
        size: height and width of the crops in pixels, multiples of the patch.
        patch_size: side of a patch in pixels.
        generator: decides on everything random.
    """
    images, classes, things, described, captions = [], [], [], [], []
    for photograph in chosen:
        words = photographs.words_of(photograph)
        window, whole = _random_window(photographs, photograph, size, generator)
        flipped = generator.random() < 0.5
        image = _cut(photographs.rgb[photograph], window, flipped).permute(2, 0, 1) / 255.0
        images.append(
            jittered(
                F.interpolate(image[None], size, mode="bilinear", antialias=True)[0], generator
            )
        )
        labels = [
            patch_majority(
                _resized_labels(_cut(source[photograph], window, flipped), size), patch_size
            )
            for source in (photographs.classes, photographs.instances)
        ]
        classes.append(labels[0])
        things.append(torch.where(labels[1] > 0, labels[1] - 1 + len(described), -1))
        captions.append(_caption(labels[1], words.caption, words.things, whole, generator))
        described += words.things
    numbers = torch.stack(classes)
    return Crops(
        torch.stack(images),
        torch.where(numbers > 0, numbers, -1),
        torch.stack(things),
        described,
        captions,
    )


def patch_majority(
    labels: Int64[Tensor, "height width"], patch_size: int
) -> Int64[Tensor, "rows columns"]:
    """The label that covers at least `CLEAR_SHARE` of each patch; -1 where none does."""
    patches = labels.unfold(0, patch_size, patch_size).unfold(1, patch_size, patch_size)
    patches = patches.flatten(2)
    majority = patches.mode(dim=-1).values
    share = (patches == majority[..., None]).float().mean(dim=-1)
    return torch.where(share >= CLEAR_SHARE, majority, -1)


def jittered(
    image: Float[Tensor, "3 height width"], generator: random.Random
) -> Float[Tensor, "3 height width"]:
    """Brightness, contrast, blur and noise changed; hue kept."""
    image = image * generator.uniform(0.75, 1.25)
    mean = image.mean()
    image = (image - mean) * generator.uniform(0.8, 1.2) + mean
    if generator.random() < 0.3:
        small = [max(1, round(side * generator.uniform(0.5, 0.9))) for side in image.shape[1:]]
        blurred = F.interpolate(image[None], small, mode="bilinear", antialias=True)
        image = F.interpolate(blurred, image.shape[1:], mode="bilinear")[0]
    if generator.random() < 0.5:
        noise = torch.Generator().manual_seed(generator.getrandbits(32))
        image = image + torch.randn(image.shape, generator=noise) * generator.uniform(0.0, 0.04)
    return image.clamp(0.0, 1.0)


def _random_window(
    photographs: Photographs, photograph: int, size: tuple[int, int], generator: random.Random
) -> tuple[tuple[slice, slice], bool]:
    """Part of a photograph in the shape of `size`, and whether that is about all of it."""
    plan = photographs.plan
    scale = generator.uniform(*SCALES)
    fitting = min(plan.height / size[0], plan.width / size[1])
    factor = min(1 / scale, fitting)
    height, width = (max(1, int(side * factor)) for side in size)
    top, left = generator.randint(0, plan.height - height), generator.randint(0, plan.width - width)
    if generator.random() < AIMED_SHARE:
        row, column = _place_of_a_thing(photographs.instances[photograph], generator)
        top = min(max(row - int(generator.random() * height), 0), plan.height - height)
        left = min(max(column - int(generator.random() * width), 0), plan.width - width)
    whole = height * width >= _WHOLE_SHARE * plan.height * plan.width
    return (slice(top, top + height), slice(left, left + width)), whole


def _place_of_a_thing(
    instances: UInt16[np.ndarray, "height width"], generator: random.Random
) -> tuple[int, int]:
    """Row and column of a pixel of one of the things that are seen, each as likely as any other."""
    numbers = np.unique(instances)
    rows, columns = np.nonzero(instances == generator.choice(numbers.tolist()))
    pixel = generator.randrange(len(rows))
    return int(rows[pixel]), int(columns[pixel])


def _cut(source: np.ndarray, window: tuple[slice, slice], flipped: bool) -> Tensor:
    part = source[window]
    if flipped:
        part = part[:, ::-1]
    return torch.from_numpy(part.astype(np.int64 if part.ndim == 2 else np.float32))


def _resized_labels(
    labels: Int64[Tensor, "height width"], size: tuple[int, int]
) -> Int64[Tensor, "resized_height resized_width"]:
    """Labels of the nearest pixels; numbers below 2**24 survive the way through floats."""
    resized = F.interpolate(labels[None, None].float(), size, mode="nearest-exact")
    return resized[0, 0].long()


def _caption(
    numbers: Int64[Tensor, "rows columns"],
    scene_caption: str,
    things: tuple[Described, ...],
    whole: bool,
    generator: random.Random,
) -> str:
    """The scene's own caption where all of it may be seen, else one of what is seen."""
    if whole and generator.random() < 0.5:
        return scene_caption
    present, counts = numbers[numbers > 0].unique(return_counts=True)
    seen = present[counts >= _NAMED_SHARE * numbers.numel()].tolist()
    shown = generator.sample(seen, min(len(seen), generator.randint(1, 4)))
    return caption_of([things[number - 1] for number in shown], generator)
