"""How well an encoder finds made-up things by their names, in scenes that it has never seen.

Everything is measured on the encoder as users get it, at pixels: its map is enlarged bilinearly to
the photograph. Beside each figure stands what an answer without looking would reach.
"""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from condense_ns.encoders.openclip import OpenClipEncoder
from condense_ns.mini_training.photographs import Photographs
from condense_ns.mini_training.prompts import TARGET_CLASSES, Phrase

_VISIBLE_SHARE = 0.005  # of a photograph, for a thing to be asked for
_SURROUNDINGS = ("floor", "wall", "ceiling")


def quality(encoder: OpenClipEncoder, photographs: Photographs) -> dict[str, float]:
    """All figures, in [0, 1]; those named ``..._without_looking`` are the baselines.

    Raises:
        EncoderError: what the encoder itself refuses.
    """
    texts = {name: number for number, name in enumerate(TARGET_CLASSES)}
    for words in photographs.words:
        for thing in words.things:
            texts.setdefault(f"{thing.colour} {thing.class_name}", len(texts))
    embeddings = F.normalize(encoder.encode_text(list(texts)), dim=-1)
    confusion = torch.zeros(len(TARGET_CLASSES), len(TARGET_CLASSES), dtype=torch.int64)
    classes_found, phrases_found = _Hits(), _Hits()
    for photograph in range(len(photographs.rgb)):
        scores = _pixel_scores(encoder, _image(photographs, photograph), embeddings)
        truth = torch.from_numpy(photographs.classes[photograph].astype("int64")) - 1
        confusion += confusion_matrix(scores[: len(TARGET_CLASSES)].argmax(dim=0), truth)
        for number in truth[truth >= 0].unique().tolist():
            classes_found.add(scores[number], truth == number)
        for phrase, place in _coloured_things(photographs, photograph):
            phrases_found.add(scores[texts[phrase.text]], place)
    return {
        **segmentation_figures(confusion),
        "class_localisation": classes_found.accuracy,
        "class_localisation_without_looking": classes_found.chance,
        "colour_phrase_localisation": phrases_found.accuracy,
        "colour_phrase_localisation_without_looking": phrases_found.chance,
        **_retrieval_figures(encoder, photographs),
    }


def confusion_matrix(
    predicted: Int64[Tensor, "height width"], truth: Int64[Tensor, "height width"]
) -> Int64[Tensor, "classes classes"]:
    """Pixels by true and predicted class; those of truth -1 are not counted."""
    count = len(TARGET_CLASSES)
    pairs = (truth * count + predicted)[truth >= 0]
    return pairs.bincount(minlength=count * count).view(count, count)


def segmentation_figures(confusion: Int64[Tensor, "classes classes"]) -> dict[str, float]:
    """Accuracy and mean intersection over union of the classes that occur, and their baselines."""
    truth, predicted, right = confusion.sum(dim=1), confusion.sum(dim=0), confusion.diagonal()
    occurring = truth > 0
    union = truth + predicted - right
    overlap = (right / union.clamp_min(1))[occurring]
    pixels = max(int(truth.sum()), 1)
    majority = int(truth.max()) / pixels
    classes = max(int(occurring.sum()), 1)
    return {
        "mean_iou": float(overlap.sum()) / classes,
        "mean_iou_without_looking": majority / classes,
        "pixel_accuracy": int(right.sum()) / pixels,
        "pixel_accuracy_without_looking": majority,
    }


class _Hits:
    """How often the best pixel lies where it should, and how often any pixel would."""

    def __init__(self) -> None:
        self._hits: list[float] = []
        self._shares: list[float] = []

    def add(
        self, scores: Float[Tensor, "height width"], place: Bool[Tensor, "height width"]
    ) -> None:
        """Ask for what lies at `place`, if it is large enough to be seen."""
        share = float(place.float().mean())
        if share >= _VISIBLE_SHARE:
            self._shares.append(share)
            self._hits.append(float(place.flatten()[scores.flatten().argmax()]))

    @property
    def accuracy(self) -> float:
        """Share of questions answered rightly."""
        return sum(self._hits) / max(len(self._hits), 1)

    @property
    def chance(self) -> float:
        """Accuracy of a random pixel."""
        return sum(self._shares) / max(len(self._shares), 1)


def _image(photographs: Photographs, photograph: int) -> Float[Tensor, "1 3 height width"]:
    pixels = torch.from_numpy(photographs.rgb[photograph].astype("float32")) / 255.0
    return pixels.permute(2, 0, 1)[None]


def _pixel_scores(
    encoder: OpenClipEncoder,
    image: Float[Tensor, "1 3 height width"],
    embeddings: Float[Tensor, "texts channels"],
) -> Float[Tensor, "texts height width"]:
    """Cosine of every pixel with every text."""
    features = F.normalize(encoder.encode(image), dim=-1)
    similarity = (features @ embeddings.T).permute(0, 3, 1, 2)
    return F.interpolate(similarity, image.shape[-2:], mode="bilinear")[0].cpu()


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
        if thing.class_name in _SURROUNDINGS or text in asked:
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
        [embed(_image(photographs, scene * views + views // 2)) for scene in range(len(captions))]
    )
    best = (encoder.encode_text(captions) @ images.T).argmax(dim=1).tolist()
    right = [captions[found] == caption for found, caption in zip(best, captions, strict=True)]
    return {
        "caption_retrieval": sum(right) / len(right),
        "caption_retrieval_without_looking": 1 / len(right),
    }
