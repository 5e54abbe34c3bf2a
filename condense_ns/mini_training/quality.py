"""How well an encoder finds made-up things by their names, in scenes that it has never seen.

Everything is measured on the encoder as users get it, at pixels: its map is enlarged bilinearly to
the photograph. Beside each figure stands what an answer without looking would reach.
"""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from condense_ns.annotations import SURROUNDINGS
from condense_ns.encoders.openclip import OpenClipEncoder
from condense_ns.metrics.localisation import Localisation
from condense_ns.metrics.segmentation import (
    confusion_matrix,
    majority_figures,
    segmentation_figures,
)
from condense_ns.mini_training.calibrating import calibration_figures, pixel_map
from condense_ns.mini_training.photographs import Photographs
from condense_ns.mini_training.prompts import TARGET_CLASSES, Phrase


def quality(encoder: OpenClipEncoder, photographs: Photographs) -> dict[str, float]:
    """All figures, in [0, 1]; those named ``..._without_looking`` are the baselines.

    What was never seen large enough to be asked for has a figure of NaN.

    Raises:
        EncoderError: what the encoder itself refuses.
    """
    texts = {name: number for number, name in enumerate(TARGET_CLASSES)}
    for words in photographs.words:
        for thing in words.things:
            texts.setdefault(f"{thing.colour} {thing.class_name}", len(texts))
    embeddings = F.normalize(encoder.encode_text(list(texts)), dim=-1)
    confusion = torch.zeros(len(TARGET_CLASSES), len(TARGET_CLASSES) + 1, dtype=torch.int64)
    classes_found, phrases_found = Localisation(), Localisation()
    for photograph in range(len(photographs.rgb)):
        scores = _pixel_scores(encoder, photographs, photograph, embeddings)
        truth = torch.from_numpy(photographs.classes[photograph].astype("int64")) - 1
        predicted = scores[: len(TARGET_CLASSES)].argmax(dim=0)
        confusion += confusion_matrix(predicted, truth, len(TARGET_CLASSES))
        for number in truth[truth >= 0].unique().tolist():
            classes_found.add(scores[number], truth == number)
        for phrase, place in _coloured_things(photographs, photograph):
            phrases_found.add(scores[texts[phrase.text]], place)
    return {
        **_segmentation(confusion),
        "class_localisation": classes_found.accuracy,
        "class_localisation_without_looking": classes_found.chance,
        "colour_phrase_localisation": phrases_found.accuracy,
        "colour_phrase_localisation_without_looking": phrases_found.chance,
        **_retrieval_figures(encoder, photographs),
        **calibration_figures(encoder, photographs),
    }


def _segmentation(confusion: Int64[Tensor, "classes predictions"]) -> dict[str, float]:
    """Two figures, each before its baseline: the most frequent class everywhere."""
    seeing, blind = segmentation_figures(confusion), majority_figures(confusion)
    return {
        f"{name}{ending}": figures[name]
        for name in ("mean_iou", "pixel_accuracy")
        for ending, figures in (("", seeing), ("_without_looking", blind))
    }


def _pixel_scores(
    encoder: OpenClipEncoder,
    photographs: Photographs,
    photograph: int,
    embeddings: Float[Tensor, "texts channels"],
) -> Float[Tensor, "texts height width"]:
    """Cosine of every pixel with every text."""
    features = F.normalize(encoder.encode(photographs.image(photograph)), dim=-1)
    return pixel_map(features @ embeddings.T, photographs).cpu()


def _coloured_things(
    photographs: Photographs, photograph: int
) -> Iterator[tuple[Phrase, Bool[Tensor, "height width"]]]:
    """Phrases of colour and class for the visible things, and the pixels of which each is true."""
    numbers = torch.from_numpy(photographs.instances[photograph].astype("int64"))
    things = photographs.words_of(photograph).things
    asked = set()
    for number in numbers[numbers > 0].unique().tolist():
        thing = things[number - 1]
        text = f"{thing.colour} {thing.class_name}"
        if thing.class_name in SURROUNDINGS or text in asked:
            continue
        asked.add(text)
        phrase = Phrase(text, thing.class_name, thing.colour)
        true_numbers = [i + 1 for i, other in enumerate(things) if phrase.is_true_of(other)]
        yield phrase, torch.isin(numbers, torch.tensor(true_numbers))


def _retrieval_figures(encoder: OpenClipEncoder, photographs: Photographs) -> dict[str, float]:
    """How often a scene's caption finds the middle photograph of that scene among all scenes."""
    views, captions = photographs.plan.views, [words.caption for words in photographs.words]
    embed: Callable[[Tensor], Tensor] = encoder.embed_images
    images = torch.cat(
        [embed(photographs.image(scene * views + views // 2)) for scene in range(len(captions))]
    )
    best = (encoder.encode_text(captions) @ images.T).argmax(dim=1).tolist()
    right = [captions[found] == caption for found, caption in zip(best, captions, strict=True)]
    return {
        "caption_retrieval": sum(right) / len(right),
        "caption_retrieval_without_looking": 1 / len(right),
    }
