"""The losses of one batch of crops: which texts it is asked about, and which of them are true."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from open_clip import CLIP
from torch import Tensor, nn

from condense_ns.encoders.preprocessing import IMAGENET_MEAN, IMAGENET_STD, normalise
from condense_ns.mini_training.crops import Crops
from condense_ns.mini_training.embeddings import image_embeddings, text_embeddings
from condense_ns.mini_training.objective import (
    class_loss,
    generic_loss,
    image_caption_loss,
    multi_positive_loss,
    similarities,
)
from condense_ns.mini_training.prompts import GENERIC_WORDS, Phrase, class_texts, phrases_about

LOSS_WEIGHTS = {"caption": 0.5, "class": 1.0, "phrase": 1.0, "generic": 0.5}
"""Share of each loss in the sum that is minimised."""

MOST_PHRASES = 96
"""Phrases that the patches of a batch are asked about."""

_LARGEST_SCALE = 100.0  # as in CLIP: beyond it, rounding decides


@dataclass(frozen=True)
class _Texts:
    """Embeddings of the texts of a batch."""

    classes: Float[Tensor, "classes channels"]
    phrases: Float[Tensor, "phrases channels"]
    generic: Float[Tensor, " channels"]
    captions: Float[Tensor, "images channels"]


class BatchLosses(nn.Module):
    """The losses with what they learn themselves: the temperature of patches."""

    def __init__(
        self,
        tokens_of: Callable[[list[str]], Int64[Tensor, "texts context"]],
        class_weights: Float[Tensor, "classes"],
    ) -> None:
        """Remember how to read texts.

        Args:
            tokens_of: the tokenizer.
            class_weights: of patches of each class, without "nothing".
        """
        super().__init__()
        self._tokens_of, self._class_weights = tokens_of, class_weights
        self.log_scale = nn.Parameter(torch.tensor(10.0).log())

    def forward(
        self, model: CLIP, crops: Crops, generator: random.Random
    ) -> dict[str, Float[Tensor, ""]]:
        """Each loss by its name in `LOSS_WEIGHTS`, not weighted."""
        device = self.log_scale.device
        images = normalise(crops.images.to(device), IMAGENET_MEAN, IMAGENET_STD)
        patches, wholes = image_embeddings(model, images)
        present = [crops.described[place] for place in _present(crops.things)]
        phrases = phrases_about(present, MOST_PHRASES, generator)
        phrases = phrases or [Phrase("nothing", class_name="nothing")]
        texts = self._embedded(model, crops, phrases, generator)
        scale = self.log_scale.exp().clamp_max(_LARGEST_SCALE)
        dense = self._dense_losses(patches.flatten(0, 1), crops, phrases, texts, scale)
        whole_scale = model.logit_scale.exp().clamp_max(_LARGEST_SCALE)
        same = [[one == other for other in crops.captions] for one in crops.captions]
        logits = similarities(wholes, texts.captions, whole_scale)
        return {"caption": image_caption_loss(logits, torch.tensor(same, device=device)), **dense}

    def _dense_losses(
        self,
        patches: Float[Tensor, "patches channels"],
        crops: Crops,
        phrases: list[Phrase],
        texts: _Texts,
        scale: Float[Tensor, ""],
    ) -> dict[str, Float[Tensor, ""]]:
        classes = crops.classes.flatten().to(patches.device)
        valid = classes > 0
        targets = classes[valid] - 1
        class_weights = self._class_weights.to(patches.device)
        weights = class_weights[targets]
        clear = patches[valid]
        true = phrase_truth(crops, phrases)[valid.cpu()].to(patches.device)
        against_phrases = similarities(clear, texts.phrases, scale)
        against_generic = similarities(clear, texts.generic[None], scale)[:, 0]
        against_classes = similarities(clear, texts.classes, scale)
        return {
            "class": class_loss(against_classes, targets, class_weights),
            "phrase": multi_positive_loss(against_phrases, true, weights),
            "generic": generic_loss(against_phrases, true, against_generic, weights),
        }

    def _embedded(
        self, model: CLIP, crops: Crops, phrases: list[Phrase], generator: random.Random
    ) -> _Texts:
        """Short texts apart from the long captions, since a batch is as slow as its longest."""
        device = self.log_scale.device
        classes = class_texts(generator)
        short = [*classes, *(phrase.text for phrase in phrases), generator.choice(GENERIC_WORDS)]
        embedded = text_embeddings(model, self._tokens_of(short).to(device))
        captions = text_embeddings(model, self._tokens_of(crops.captions).to(device))
        class_part, rest = embedded[: len(classes)], embedded[len(classes) :]
        return _Texts(class_part, rest[:-1], rest[-1], captions)


def phrase_truth(crops: Crops, phrases: list[Phrase]) -> Bool[Tensor, "patches phrases"]:
    """Which phrases are true of the thing that each patch shows; none where no thing is clear."""
    things = crops.things.flatten()
    truth = torch.zeros(len(crops.described) + 1, len(phrases), dtype=torch.bool)
    for place in _present(things):
        truth[place] = torch.tensor([x.is_true_of(crops.described[place]) for x in phrases])
    return truth[things]  # -1 reads the last row, which holds no truth


def _present(things: Int64[Tensor, "*patches"]) -> list[int]:
    """Places of the things that a clear patch shows."""
    return things[things >= 0].unique().tolist()
