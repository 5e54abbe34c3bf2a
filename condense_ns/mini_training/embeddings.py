"""Images and texts through the network in training, computing no more than the losses need."""

from typing import Any

from jaxtyping import Float, Int64
from open_clip import CLIP
from torch import Tensor

from condense_ns.encoders.openclip import class_embedding, dense_embeddings, trunk_tokens


def image_embeddings(
    model: CLIP, images: Float[Tensor, "batch 3 height width"]
) -> tuple[Float[Tensor, "batch patches channels"], Float[Tensor, "batch channels"]]:
    """A vector per patch and one per image, from normalised images; both share all but the end."""
    visual: Any = model.visual
    trunk, _ = trunk_tokens(visual, images)
    return dense_embeddings(visual, trunk), class_embedding(visual, trunk)


def text_embeddings(
    model: CLIP, tokens: Int64[Tensor, "texts context"]
) -> Float[Tensor, "texts channels"]:
    """What `model.encode_text` answers, without computing the padding.

    Attention is causal and a text is pooled at its end, its largest token, so that nothing behind
    the longest text matters.
    """
    network: Any = model
    ends = tokens.argmax(dim=-1)
    length = int(ends.max()) + 1
    hidden = network.token_embedding(tokens[:, :length]) + network.positional_embedding[:length]
    hidden = network.transformer(hidden, attn_mask=network.attn_mask[:length, :length])
    pooled = network.ln_final(hidden)[range(len(tokens)), ends]
    return pooled @ network.text_projection
