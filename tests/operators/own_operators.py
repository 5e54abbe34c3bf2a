"""Operators of a user's own, as ``--operator torch:<module>:<callable>`` takes them: worked examples.

What a network would do is done by a line of arithmetic here; the halves and their shapes are real.
"""

import os
from functools import partial

import torch
from torch.nn import functional as F

COLOURS = {"gold": (1.0, 0.8, 0.2), "blue": (0.1, 0.3, 1.0)}


class Enlarger:
    """Super-resolution: features at the photograph's pixels, of which a pixel shuffle makes 2 x 2 each."""

    def encode(self, images):
        """To (batch, 12, height, width); a network's features before the enlargement."""
        return F.pixel_unshuffle(F.interpolate(images, scale_factor=2, mode="bicubic"), 2)

    def decode(self, maps, images):
        """To (1, 3, 2 height, 2 width)."""
        return F.pixel_shuffle(maps, 2)


class Editor:
    """Text-driven editing: everything turns to the colour that a word names.

    `encode` sees no word, so that the scene's maps serve all words.
    """

    def __init__(self, word):
        self.colour = torch.tensor(COLOURS[word])[:, None, None]

    def encode(self, images):
        """Blurred colours; a network's latent."""
        height, width = images.shape[2:]
        return F.adaptive_avg_pool2d(images, (height // 4, width // 4))

    def decode(self, maps, images):
        """Half of it the edited latent, half the rendered image, which has the detail."""
        blurred = F.interpolate(maps, size=images.shape[2:], mode="bilinear")
        edited = blurred.mean(dim=1, keepdim=True) * self.colour.to(maps)
        return 0.5 * edited + 0.5 * images


golden = partial(Editor, "gold")
"""A word of the callable's own: ``torch:tests.operators.own_operators:golden``."""


def editor():
    """A word from the environment: ``EDIT=blue condense lift --operator torch:...:editor``."""
    return Editor(os.environ["EDIT"])
