"""Latent of the 3D backbone -> features of several encoders: a `FeatureDecoder` for each."""

from collections.abc import Mapping

from torch import nn

from condense_ns.errors import UserError
from condense_ns.fields.feature_field import FeatureDecoder, fingerprint_tensor


class LatentDecoders(nn.Module):
    """Decoders by the encoders' specs.

    Args:
        latent_dim: width of the latent.
        channels: width of each encoder's features, by its spec; at least one.
        hidden_dim: width of the hidden layer; 0 makes decoders affine, so that decoding before and
            after compositing is the same.
    """

    def __init__(self, latent_dim: int, channels: Mapping[str, int], hidden_dim: int = 128) -> None:
        super().__init__()
        self.hidden_dim = hidden_dim
        self.channels = dict(channels)
        self.decoders = nn.ModuleList(
            FeatureDecoder(latent_dim, width, hidden_dim) for width in self.channels.values()
        )

    def of_encoder(self, name: str, fingerprint: str | None = None) -> FeatureDecoder:
        """The decoder of an encoder.

        Args:
            name: the encoder's spec.
            fingerprint: the encoder's, if it must be the very one that the decoder learned from.

        Raises:
            UserError: there is none, or it learned from other weights or settings.
        """
        if name not in self.channels:
            raise UserError(
                f"the backbone was not trained with {name}; use one of {', '.join(self.channels)}, or "
                "train it with that encoder"
            )
        decoder = self.decoders[list(self.channels).index(name)]
        assert isinstance(decoder, FeatureDecoder)
        if fingerprint is not None and not decoder.fingerprint.cpu().equal(
            fingerprint_tensor(fingerprint)
        ):
            raise UserError(
                f"the backbone was trained with {name} of other weights or settings; put them back, or "
                "train it with these"
            )
        return decoder
