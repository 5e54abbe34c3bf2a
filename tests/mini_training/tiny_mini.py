"""The configuration of a network that trains in no time."""

from typing import Any

TINY_CONFIG: dict[str, Any] = {
    "embed_dim": 8,
    "vision_cfg": {"image_size": 24, "patch_size": 4, "width": 16, "layers": 2, "head_width": 8},
    "text_cfg": {
        "context_length": 24,
        "vocab_size": 320,
        "width": 16,
        "heads": 2,
        "layers": 1,
        "hf_tokenizer_name": ".",
    },
}
