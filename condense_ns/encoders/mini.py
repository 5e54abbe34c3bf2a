"""`mini`: a tiny CLIP of our own, shipped with the package, for demonstrations, tests and CI.

It was trained by `condense train-mini` on pictures of made-up scenes alone, and knows the words in
which these are described. Of photographs it knows little: never a substitute for a real encoder, it
is used only where its name is written out.
"""

from pathlib import Path

from condense_ns.encoders.base import EncoderError
from condense_ns.encoders.openclip import OpenClipEncoder
from condense_ns.encoders.openclip_files import WEIGHT_NAMES

MINI_FOLDER = Path(__file__).parent / "mini_model"
MINI_WEIGHTS = WEIGHT_NAMES[0]


class MiniEncoder(OpenClipEncoder):
    """The CLIP in `folder`, under a name of its own."""

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
            EncoderError: weights that are missing or unreadable.
        """
        folder = MINI_FOLDER if folder is None else folder
        if not (folder / MINI_WEIGHTS).is_file():
            raise EncoderError(
                f"{spec}: the weights {folder / MINI_WEIGHTS} are missing; install condense_ns "
                "again, or train them with `condense train-mini`"
            )
        super().__init__(f"openclip:{folder}", device, image_size)
        self.spec = spec
