"""CLIP of the open_clip library: a feature per patch in the space of texts.

CLIP is trained on one vector per image, and its patch tokens are no embeddings. MaskCLIP (Zhou,
Loy and Dai, "Extract Free Dense Labels from CLIP", ECCV 2022) obtains dense ones without training:
in the last block, attention is left out, so that each patch answers its own value instead of a
mixture of all. The residual and the MLP of that block are left out as well, which F3RM (Shen et al.,
"Distilled Feature Fields Enable Few-Shot Language-Guided Manipulation", 2023) found to work best.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from open_clip.transformer import QuickGELU, ResidualAttentionBlock, VisionTransformer
from torch import Tensor

from condense_ns.encoders.base import EncoderError, TextImageEncoder
from condense_ns.encoders.encoder_trunk import CuttableEncoder
from condense_ns.encoders.fingerprint import files_digest, fingerprint
from condense_ns.encoders.openclip_files import ModelSource, load_model, model_source
from condense_ns.encoders.openclip_tokenizer import text_tokenizer
from condense_ns.encoders.patch_grid_encoder import PatchGridEncoder
from condense_ns.encoders.preprocessing import (
    PREPROCESSING_VERSION,
    normalise,
)
from condense_ns.encoders.tail_names import Weights, named, openclip_block, own_values, projection
from condense_ns.tensors import TailShape

CODE_VERSION = 1
_TEXTS_AT_ONCE = 64


class OpenClipEncoder(PatchGridEncoder, TextImageEncoder, CuttableEncoder):
    """A CLIP with a vision transformer of open_clip's own, its patches in the space of texts.

    Images are resized so that the longest side is `image_size` pixels, rounded down to the patch.
    CLIP's own bicubic resizing with a centre crop is not used: it would lose the borders.
    """

    def __init__(self, spec: str, device: str = "cpu", image_size: int | None = None) -> None:
        """Load the network.

        Args:
            spec: ``openclip:<architecture>/<tag or weight file>``, ``openclip:<folder>``, or
                ``openclip:<architecture>/<tag>@<weight file>`` for a local copy of a tag's weights.
            device: where to compute.
            image_size: longest side in pixels of what the network sees; if None, the side for which
                the network was trained. Twice that gives finer maps at four times the cost.

        Raises:
            EncoderError: weights that are missing or unreadable, or an unsupported architecture.
        """
        source: ModelSource = model_source(spec)
        self._model = load_model(source).to(device)
        visual = self._model.visual
        assert isinstance(visual, VisionTransformer)
        self._visual = visual
        self.num_blocks = len(visual.transformer.resblocks)
        self._tokenizer = text_tokenizer(source)
        self._mean, self._std = source.mean, source.std
        self.spec = spec
        self.device = device
        self.patch_size = source.patch_size
        self.channels = source.channels
        self._choose_image_size(image_size or max(visual.grid_size) * self.patch_size)
        self.fingerprint = fingerprint(
            {
                "encoder": "openclip",
                "versions": [CODE_VERSION, PREPROCESSING_VERSION],
                "weights": files_digest([source.weights, *source.tokenizer_files]),
                "config": source.config,
                "colours": [self._mean, self._std],
                "image_size": self._image_size,
            }
        )

    @torch.no_grad()
    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """MaskCLIP's patch tokens, projected to the space of texts."""
        resized, _ = self._on_grid(images)
        return dense_tokens(self._visual, normalise(resized, self._mean, self._std)).contiguous()

    @torch.no_grad()
    def trunk_tokens(
        self, images: Float[Tensor, "batch 3 height width"], blocks: int
    ) -> Float[Tensor, "batch tokens token_width"]:
        """What enters the last so many blocks, the class token first."""
        resized, _ = self._on_grid(images)
        pixels = normalise(resized, self._mean, self._std)
        return trunk_tokens(self._visual, pixels, blocks)[0]

    def tail_shape(self, blocks: int) -> TailShape:
        """Sizes of the last so many blocks, the last one of which is MaskCLIP's, and the projection.

        Raises:
            EncoderError: blocks of another kind.
        """
        block = _last_block(self._visual)
        return TailShape(
            blocks=blocks,
            width=block.attn.embed_dim,
            heads=block.attn.num_heads,
            hidden=len(openclip_block(block, "")["mlp.widen.weight"]),
            channels=self.channels,
            prefix=1,
            epsilon=block.ln_1.eps,
            activation=_activation(block, self.spec),
            scaled=not isinstance(block.ls_1, torch.nn.Identity),
            own_values=True,
        )

    def tail_weights(self, blocks: int) -> Weights:
        """Weights of the last so many blocks, the layer norm and the projection behind them."""
        assert self._visual.proj is not None
        weights = named("", {"norm": self._visual.ln_post}) | projection(self._visual.proj)
        *others, last = list(self._visual.transformer.resblocks)[-blocks:]
        for number, block in enumerate(others):
            weights |= openclip_block(block, f"blocks.{number}.")
        return weights | own_values(last, f"blocks.{blocks - 1}.")

    @torch.no_grad()
    def embed_images(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch channels"]:
        """One unit-length embedding per image, comparable with texts about the whole of it."""
        resized, _ = self._on_grid(images)
        trunk, _ = trunk_tokens(self._visual, normalise(resized, self._mean, self._std))
        return F.normalize(class_embedding(self._visual, trunk), dim=-1)

    @torch.no_grad()
    def encode_text(self, texts: list[str]) -> Float[Tensor, "texts channels"]:
        """Unit-length embeddings of the texts; what does not fit the context is cut off."""
        if not texts:
            return torch.empty(0, self.channels, device=self.device)
        tokens = self._tokenizer(texts).to(self.device)
        embeddings = [self._model.encode_text(piece) for piece in tokens.split(_TEXTS_AT_ONCE)]
        return F.normalize(torch.cat(embeddings).to(torch.float32), dim=-1)


def dense_tokens(
    visual: VisionTransformer, images: Float[Tensor, "batch 3 height width"]
) -> Float[Tensor, "batch rows columns channels"]:
    """Patch tokens in the space of texts, for normalised images of any multiple of the patch."""
    trunk, grid = trunk_tokens(visual, images)
    return dense_embeddings(visual, trunk).unflatten(1, grid)


def trunk_tokens(
    visual: VisionTransformer, images: Float[Tensor, "batch 3 height width"], blocks: int = 1
) -> tuple[Float[Tensor, "batch tokens trunk_width"], tuple[int, int]]:
    """What enters the last block or blocks, the class token first, and rows and columns of the patches."""
    patches = visual.conv1(images)
    grid = (patches.shape[-2], patches.shape[-1])
    tokens = patches.flatten(2).transpose(1, 2)
    class_token = visual.class_embedding.expand(len(images), 1, -1)
    tokens = torch.cat([class_token, tokens], dim=1)
    tokens = tokens + resized_positions(visual.positional_embedding, visual.grid_size, grid)
    tokens = visual.ln_pre(tokens)
    for block in list(visual.transformer.resblocks)[:-blocks]:
        tokens = block(tokens)
    return tokens, grid


def dense_embeddings(
    visual: VisionTransformer, trunk: Float[Tensor, "batch tokens width"]
) -> Float[Tensor, "batch patches channels"]:
    """MaskCLIP's end of the network: a vector per patch in the space of texts."""
    values = attention_values(_last_block(visual), trunk[:, 1:])
    return visual.ln_post(values) @ visual.proj


def class_embedding(
    visual: VisionTransformer, trunk: Float[Tensor, "batch tokens width"]
) -> Float[Tensor, "batch channels"]:
    """CLIP's own end of the network, computed for the class token alone."""
    block = _last_block(visual)
    normal = block.ln_1(trunk)
    token = trunk[:, :1] + block.ls_1(block.attention(normal[:, :1], normal, normal))
    token = token + block.ls_2(block.mlp(block.ln_2(token)))
    return visual.ln_post(token[:, 0]) @ visual.proj


def _last_block(visual: VisionTransformer) -> ResidualAttentionBlock:
    block = list(visual.transformer.resblocks)[-1]
    assert isinstance(block, ResidualAttentionBlock)
    return block


def _activation(block: ResidualAttentionBlock, spec: str) -> str:
    """The name that `TailShape` has for the activation of a block's perceptron.

    Raises:
        EncoderError: it has none for it.
    """
    layer = block.mlp.gelu
    if isinstance(layer, QuickGELU):
        return "quick_gelu"
    if isinstance(layer, torch.nn.GELU):
        return "gelu" if layer.approximate == "none" else "gelu_tanh"
    raise EncoderError(
        f"{spec}: its blocks have the activation {type(layer).__name__}, expected GELU or QuickGELU; use "
        "another CLIP, or set --pipeline.model.tuned-blocks 0"
    )


def attention_values(
    block: ResidualAttentionBlock, tokens: Float[Tensor, "batch tokens width"]
) -> Float[Tensor, "batch tokens width"]:
    """What attention would answer if every token attended to itself alone.

    Then the softmax is 1 on the diagonal, and queries and keys drop out of the block.
    """
    attention = block.attn
    width = tokens.shape[-1]
    # open_clip stacks the projections of query, key and value in this order.
    values = F.linear(
        block.ln_1(tokens),
        attention.in_proj_weight[2 * width :],
        attention.in_proj_bias[2 * width :],
    )
    return block.ls_1(attention.out_proj(values))


def resized_positions(
    positions: Float[Tensor, "tokens width"], trained: tuple[int, int], grid: tuple[int, int]
) -> Float[Tensor, "resized_tokens width"]:
    """The position table of a `trained` grid, stretched over another; the class token's is kept."""
    if tuple(trained) == grid:
        return positions
    table = positions[1:].unflatten(0, tuple(trained)).permute(2, 0, 1)[None]
    table = F.interpolate(table, size=grid, mode="bicubic", align_corners=False, antialias=True)
    return torch.cat([positions[:1], table[0].flatten(1).T])
