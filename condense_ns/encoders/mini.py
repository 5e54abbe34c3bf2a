"""`mini`: a tiny CLIP of our own, shipped with the package, for demonstrations, tests and CI.

It was trained by `condense train-mini` on pictures of made-up scenes alone, and knows the words in
which these are described. Of photographs it knows little: never a substitute for a real encoder, it
is used only where its name is written out.
"""

import json
import math
from pathlib import Path

from condense_ns.encoders.base import EncoderError
from condense_ns.encoders.openclip import OpenClipEncoder
from condense_ns.encoders.openclip_files import WEIGHT_NAMES

MINI_FOLDER = Path(__file__).parent / "mini_model"
MINI_WEIGHTS = WEIGHT_NAMES[0]
CALIBRATION_NAME = "calibration.json"


class MiniEncoder(OpenClipEncoder):
    """The CLIP in `folder`, under a name of its own, with its inverse temperature if one was fitted.

    Features do not depend on the inverse temperature, so it does not enter the fingerprint.
    """

    def __init__(
        self,
        spec: str = "mini",
        device: str = "cpu",
        image_size: int | None = None,
        folder: Path | None = None,
    ) -> None:
        """Load the network.

        Args:
            spec: the name that it shall go by.
            device: where to compute.
            image_size: longest side in pixels of what the network sees; None for its own, 192.
            folder: where its files lie; None for the shipped ones.

        Raises:
            EncoderError: weights that are missing, or files that are unreadable.
        """
        folder = MINI_FOLDER if folder is None else folder
        if not (folder / MINI_WEIGHTS).is_file():
            raise EncoderError(
                f"{spec}: the weights {folder / MINI_WEIGHTS} are missing; install condense_ns "
                "again, or train them with `condense train-mini`"
            )
        super().__init__(f"openclip:{folder}", device, image_size)
        self.spec = spec
        if (folder / CALIBRATION_NAME).is_file():
            self.inverse_temperature = _fitted(spec, folder / CALIBRATION_NAME)


def _fitted(spec: str, path: Path) -> float:
    """The inverse temperature in a file.

    Raises:
        EncoderError: it cannot be read, or is no number above 0.
    """
    remedy = (
        "install condense_ns again, fit it with `condense train-mini`, or delete the file to go on "
        f"with {OpenClipEncoder.inverse_temperature:g}"
    )
    try:
        fitted = float(json.loads(path.read_text(encoding="utf-8"))["inverse_temperature"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EncoderError(
            f"{spec}: {path} cannot be read ({type(error).__name__}: {error}); {remedy}"
        ) from error
    if not 0.0 < fitted < math.inf:
        raise EncoderError(
            f"{spec}: the inverse temperature in {path} is {fitted}, it must be above 0; {remedy}"
        )
    return fitted
