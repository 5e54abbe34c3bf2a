"""The two branches of condense-pretrain and what ties them: nothing in it belongs to a scene."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from condense_ns.fields.branch_2d import Branch2D
from condense_ns.fields.correspondence_head import CorrespondenceHead
from condense_ns.fields.latent_decoders import LatentDecoders
from condense_ns.fields.octree_backbone import OctreeBackbone
from condense_ns.fields.score_head import ScoreHead
from condense_ns.fields.voxel_pyramid import joined_pyramids
from condense_ns.geometry.interpolation import on_grid
from condense_ns.pretraining.pretrain_example import PretrainExample, TrunkMap
from condense_ns.tensors import TailShape


class JointNetwork(nn.Module):
    """3D branch: backbone, decoders and scores; 2D branch; what only training needs.

    Weights are drawn from torch's generator.

    Args:
        channels: width of each encoder's features, by its spec; at least one.
        preset: of the backbone.
        latent_dim: numbers per voxel.
        decoder_hidden_dim: of the decoders; 0 makes them affine.
        refiner_width: of the 2D branch's adapters.
        tails: sizes of the last blocks of encoders that the 2D branch has in place of adapters.

    Raises:
        UserError: no such preset.
    """

    def __init__(
        self,
        channels: Mapping[str, int],
        preset: str = "S",
        latent_dim: int = 64,
        decoder_hidden_dim: int = 128,
        refiner_width: int = 128,
        tails: Mapping[str, TailShape] | None = None,
    ) -> None:
        super().__init__()
        self.backbone = OctreeBackbone(preset, latent_dim)
        self.decoders = LatentDecoders(latent_dim, channels, decoder_hidden_dim)
        self.score_3d = ScoreHead(latent_dim)
        self.branch_2d = Branch2D(channels, refiner_width, tails)
        self.correspondence = CorrespondenceHead(latent_dim)

    def latents(self, examples: Sequence[PretrainExample]) -> list[Float[Tensor, "_ latent"]]:
        """Of the voxels of each example's scene, in one pass."""
        pyramid = joined_pyramids([example.pyramid for example in examples])
        return self.backbone([example.volume for example in examples], pyramid)

    def decoded(
        self, spec: str, latents: Float[Tensor, "views cells latent"]
    ) -> Float[Tensor, "views cells channels"]:
        """Features of an encoder from latents that were composited, standardised."""
        common, _ = self.decoders.of_encoder(spec).parts(latents.flatten(0, 1))
        return common.unflatten(0, latents.shape[:2])

    def standardised(
        self, spec: str, maps: Float[Tensor, "views rows columns channels"]
    ) -> Float[Tensor, "views rows columns channels"]:
        """Maps of an encoder with its mean removed, in units of their scale."""
        return self.decoders.of_encoder(spec).standardised(maps)

    def refined(
        self,
        spec: str,
        maps: Float[Tensor, "views rows columns channels"],
        trunks: Sequence[TrunkMap] = (),
    ) -> Float[Tensor, "views rows columns channels"]:
        """What the 2D branch makes of an encoder's views, standardised.

        Args:
            spec: of the encoder.
            maps: the encoder's own, standardised; an adapter refines them.
            trunks: what enters the last blocks, of each view; a tail refines these.
        """
        tail = self.branch_2d.tail(spec)
        if tail is None:
            return self.branch_2d.refined(spec, maps)
        found = [on_grid(tail(trunk[None])[0], *maps.shape[1:3]) for trunk in trunks]
        return self.standardised(spec, torch.stack(found))
