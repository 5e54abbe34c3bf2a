"""The 2D branch of condense-pretrain as an encoder, so that it stands wherever encoders describe keypoints.

``backbone:<file>`` names what `condense export backbone` wrote, ``backbone:shipped`` the one that comes
with the package. Of a backbone that was trained with several encoders the first one is refined, or the one
behind a ``#``: ``backbone:both.safetensors#dinov2-small``. For questions in words, ``?words`` behind all that has
features read out of the refined ones by a linear layer, which are in the encoder's own space.
"""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.encoders import build_encoder
from condense_ns.encoders.base import EncoderError, ImageEncoder, TextImageEncoder
from condense_ns.encoders.fingerprint import fingerprint
from condense_ns.fields.backbone_file import SavedBackbone, load_backbone
from condense_ns.pipelines.refined_encoding import (
    branch_of,
    read_by,
    read_out_map,
    refined_map,
    trained_size,
)

KIND = "backbone"
WORDS = "?words"


class RefinedEncoder(ImageEncoder):
    """An encoder with a trained 2D branch behind it.

    Args:
        spec: how the two are called together.
        inner: the encoder that the branch was trained with.
        saved: what was trained.

    Raises:
        UserError: nothing in 2D was trained, or not with this encoder, or with other weights of it.
    """

    def __init__(self, spec: str, inner: ImageEncoder, saved: SavedBackbone) -> None:
        self._reads = read_by(saved, inner)
        self.spec, self.device = spec, inner.device
        self.channels, self.patch_size = inner.channels, inner.patch_size
        self.fingerprint = fingerprint({KIND: saved.fingerprint, "encoder": inner.fingerprint})
        self.inner, self.saved = inner, saved

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the feature map of an image of `height` x `width` pixels."""
        return self.inner.grid_size(height, width)

    @torch.no_grad()
    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """Refined maps, in the units of the encoder."""
        return refined_map(self.inner, self._reads.encode(images), self.saved)

    @property
    def knows_scores(self) -> bool:
        """Whether keypoint scores were trained for, on features of this encoder."""
        others = self.saved.others
        first = next(iter(self.saved.decoders.channels))
        return others is not None and others.scores_learned and self.inner.spec == first

    @torch.no_grad()
    def keypoint_scores(
        self, feature_map: Float[Tensor, "rows columns channels"]
    ) -> Float[Tensor, "rows columns"]:
        """How likely the cells of a refined map hold keypoints, in [0, 1]; for one that `knows_scores`."""
        branch, decoder = branch_of(self.saved, self.inner, feature_map.device)
        return branch.score(decoder.standardised(feature_map)).sigmoid()


class RefinedTextEncoder(RefinedEncoder, TextImageEncoder):
    """The same for an encoder that knows words, near whose features the refined ones were held.

    Args:
        spec: as above.
        inner: as above.
        saved: as above.
        read_out: features are read out of the refined ones, see `refined_encoding.read_out_map`.
    """

    def __init__(
        self, spec: str, inner: TextImageEncoder, saved: SavedBackbone, read_out: bool = False
    ) -> None:
        super().__init__(spec, inner, saved)
        self.inverse_temperature = inner.inverse_temperature
        self.read_out = read_out
        if read_out:
            self.fingerprint = fingerprint({"refined": self.fingerprint, "read_out": True})

    @torch.no_grad()
    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """Refined maps, or what is read out of them, in the units of the encoder."""
        refined = super().encode(images)
        return read_out_map(self.inner, refined, self.saved) if self.read_out else refined

    @property
    def knows_scores(self) -> bool:
        """Scores are for refined features alone."""
        return super().knows_scores and not self.read_out

    def encode_text(self, texts: list[str]) -> Float[Tensor, "texts channels"]:
        """Unit-length embeddings of the texts, the encoder's own."""
        return self.inner.encode_text(texts)


def photo_encoder(spec: str, device: str = "cpu", image_size: int | None = None) -> ImageEncoder:
    """The encoder that a text names: one of `condense_ns.encoders`, or ``backbone:<file>``.

    Args:
        spec: see the head of this file and of `condense_ns.encoders`.
        device: where features are computed and lie.
        image_size: longest side in pixels of what the network sees; None for the encoder's own, or the one that
            the branch was trained with.

    Raises:
        UserError: an unknown spec, or whatever the encoder or the file of the backbone refuses.
    """
    kind, _, rest = spec.partition(":")
    if kind != KIND:
        return build_encoder(spec, device, image_size)
    rest, words = rest.removesuffix(WORDS), rest.endswith(WORDS)
    file, _, chosen = rest.partition("#")
    if not file:
        raise EncoderError(
            f"{spec!r} names no file; write backbone:<file>, or backbone:shipped for the one that comes with "
            "the package"
        )
    saved = load_backbone(Path(file))
    name = chosen or next(iter(saved.decoders.channels))
    saved.decoders.of_encoder(name)
    inner = build_encoder(name, device, image_size or trained_size(saved))
    if isinstance(inner, TextImageEncoder):
        made = RefinedTextEncoder(spec, inner, saved, read_out=words)
        if words and not branch_of(saved, inner, "cpu")[0].reads_out(name):
            raise EncoderError(
                f"{spec!r}: nothing was learned to be read out (the loss told); leave {WORDS} out"
            )
        return made
    if words:
        raise EncoderError(f"{spec!r}: {name} does not know words; leave {WORDS} out")
    return RefinedEncoder(spec, inner, saved)
