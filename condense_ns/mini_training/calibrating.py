"""How sure `mini` may be: its inverse temperature, fitted on scenes that it was not trained on.

An example is a pixel, the name of a class that its photograph shows, and whether the pixel shows that
class. Every photograph gives equally many; rare classes are asked for as often as frequent ones.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from condense_ns.encoders.base import TextImageEncoder
from condense_ns.encoders.mini import CALIBRATION_NAME
from condense_ns.mini_training.photographs import Photographs
from condense_ns.mini_training.prompts import TARGET_CLASSES
from condense_ns.retrieval.asking import text_query
from condense_ns.retrieval.calibration import expected_calibration_error, fit_inverse_temperature
from condense_ns.retrieval.negatives import DEFAULT_NEGATIVES
from condense_ns.retrieval.relevancy import margin
from condense_ns.whole_files import write_text

EXAMPLES = 1000
"""Examples that a photograph gives."""

_SEED = 0  # of the pixels and of what is asked about them


def calibrate(folder: Path, encoder: TextImageEncoder, photographs: Photographs) -> None:
    """Fit the inverse temperature of the encoder in `folder` and write it beside the weights.

    Raises:
        UserError: nothing fits, since the encoder does not find classes by their names.
    """
    inverse_temperature = fit_inverse_temperature(*examples(encoder, photographs))
    content = json.dumps({"inverse_temperature": inverse_temperature})
    write_text(folder / CALIBRATION_NAME, content + "\n")


def calibration_figures(encoder: TextImageEncoder, photographs: Photographs) -> dict[str, float]:
    """Expected calibration error as the encoder is, and with the inverse temperature of any other."""
    margins, truth = examples(encoder, photographs)
    factors = {
        "calibration_error": encoder.inverse_temperature,
        "calibration_error_uncalibrated": TextImageEncoder.inverse_temperature,
    }
    return {
        name: expected_calibration_error(torch.sigmoid(factor * margins), truth)
        for name, factor in factors.items()
    }


def examples(
    encoder: TextImageEncoder, photographs: Photographs
) -> tuple[Float[Tensor, " examples"], Bool[Tensor, " examples"]]:
    """Margins against the default negatives, and whether each pixel shows what it was asked for.

    Pixels without a class give no examples.
    """
    nowhere = torch.zeros(encoder.channels, device=encoder.device)
    queries = [
        text_query(encoder, [name], DEFAULT_NEGATIVES, nowhere, None) for name in TARGET_CLASSES
    ]
    generator = torch.Generator().manual_seed(_SEED)
    margins, truth = [torch.empty(0)], [torch.empty(0, dtype=torch.bool)]
    for photograph in range(len(photographs.rgb)):
        classes = torch.from_numpy(photographs.classes[photograph].astype("int64")).flatten() - 1
        labelled = (classes >= 0).nonzero()[:, 0]
        if len(labelled) == 0:
            continue
        pixels = labelled[torch.randint(len(labelled), (EXAMPLES,), generator=generator)]
        shown = classes[labelled].unique()
        asked = shown[torch.randint(len(shown), (EXAMPLES,), generator=generator)]
        features = pixel_map(encoder.encode(photographs.image(photograph)), photographs)
        chosen = features.flatten(1).T[pixels.to(features.device)]
        of_photograph = torch.empty(EXAMPLES)
        for number in shown.tolist():
            place = asked == number
            of_photograph[place] = margin(chosen[place.to(chosen.device)], queries[number]).cpu()
        margins.append(of_photograph)
        truth.append(classes[pixels] == asked)
    return torch.cat(margins), torch.cat(truth)


def pixel_map(
    cells: Float[Tensor, "1 rows columns channels"], photographs: Photographs
) -> Float[Tensor, "channels height width"]:
    """A map of cells enlarged bilinearly to the photograph."""
    size = (photographs.plan.height, photographs.plan.width)
    return F.interpolate(cells.permute(0, 3, 1, 2), size, mode="bilinear")[0]
