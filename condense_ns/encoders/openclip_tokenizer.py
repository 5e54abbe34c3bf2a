"""From texts to the tokens of a network of open_clip, by its own tokenizer or by that of a folder."""

from collections.abc import Callable

from jaxtyping import Int64
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer
from torch import Tensor

from condense_ns.encoders.base import EncoderError
from condense_ns.encoders.openclip_files import TOKENIZER_NAME, ModelSource

Tokenizer = Callable[[list[str]], Int64[Tensor, "texts context"]]


def text_tokenizer(source: ModelSource) -> Tokenizer:
    """What turns texts into tokens, padded or cut to the context of the network.

    Raises:
        EncoderError: a tokenizer file that cannot be read.
    """
    if source.tokenizer is None:
        return SimpleTokenizer(context_length=source.context_length, **source.tokenizer_settings)
    try:
        wrapped = HFTokenizer(
            str(source.tokenizer),
            context_length=source.context_length,
            local_files_only=True,
            **source.tokenizer_settings,
        )
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise EncoderError(
            f"{source.spec}: {source.tokenizer / TOKENIZER_NAME} cannot be read ({reason}); "
            "copy it again from where the weights come from"
        ) from error
    return _called_directly(wrapped)


def _called_directly(wrapped: HFTokenizer) -> Tokenizer:
    """What calling `wrapped` is meant to do: its own call needs transformers before version 5."""

    def tokens(texts: list[str]) -> Int64[Tensor, "texts context"]:
        return wrapped.tokenizer(
            [wrapped.clean_fn(text) for text in texts],
            max_length=wrapped.context_length,
            padding="max_length",
            truncation=True,
            return_tensors="pt",
        ).input_ids

    return tokens
