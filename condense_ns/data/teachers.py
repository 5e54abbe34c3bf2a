"""The encoders of a run, built when first asked for and kept out of every checkpoint."""

from condense_ns.encoders import build_encoder
from condense_ns.encoders.base import ImageEncoder, TextImageEncoder
from condense_ns.encoders.encoder_trunk import EncoderTrunk
from condense_ns.errors import UserError


class Teachers:
    """A plain object, not a module: nothing in it is trained, saved or moved.

    Args:
        specs: the encoders' specs, in the order of the run.
        device: where they compute.
        image_size: longest side in pixels that they see, or None for their own default.
    """

    def __init__(self, specs: tuple[str, ...], device: str, image_size: int | None) -> None:
        self.specs = specs
        self._device = device
        self._image_size = image_size
        self._built: dict[str, ImageEncoder] = {}

    def __getitem__(self, spec: str) -> ImageEncoder:
        """The encoder of that spec.

        Raises:
            EncoderError: it cannot be built; the message says what is missing.
        """
        if spec not in self._built:
            self._built[spec] = build_encoder(spec, self._device, self._image_size)
        return self._built[spec]

    def trunk(self, spec: str, below: int) -> EncoderTrunk:
        """What enters the last so many blocks of an encoder.

        Raises:
            EncoderError: it cannot be built, or has no blocks, or fewer.
        """
        return EncoderTrunk(self[spec], below)

    def with_text(self, spec: str) -> TextImageEncoder:
        """The encoder of that spec, which must understand text.

        Raises:
            UserError: it does not.
        """
        encoder = self[spec]
        if not isinstance(encoder, TextImageEncoder):
            raise UserError(
                f"encoder {spec} has no text tower: ask with a point or an image crop, or train with "
                "an encoder that has one, e.g. --pipeline.encoders openclip:ViT-B-16/laion2b_s34b_b88k"
            )
        return encoder
