"""The files of `mini`: a configuration and a tokenizer in the layout of open_clip's models."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from open_clip import CLIP
from safetensors.torch import save_file
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from condense_ns.encoders.mini import MINI_WEIGHTS
from condense_ns.encoders.openclip_files import CONFIG_NAME, TOKENIZER_NAME
from condense_ns.encoders.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from condense_ns.whole_files import whole_file, write_text

MINI_CONFIG: dict[str, Any] = {
    "embed_dim": 64,
    "vision_cfg": {
        "image_size": 192,
        "patch_size": 8,
        "width": 144,
        "layers": 6,
        "head_width": 48,
        "mlp_ratio": 3.0,
    },
    "text_cfg": {
        "context_length": 48,
        "vocab_size": 1024,
        "width": 128,
        "heads": 4,
        "layers": 2,
        "hf_tokenizer_name": ".",  # beside the weights
    },
}
"""open_clip's configuration: 576 patches of a square image, about 4 MB in half precision."""

PAD, END = "<pad>", "<end>"


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """A byte-level BPE, so that unknown words fall to bytes, with at most `vocabulary` tokens.

    open_clip pools a text at its largest token. The end is therefore added last, and padding is 0.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - 1,
        special_tokens=[PAD],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([END])
    end = tokenizer.token_to_id(END)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, end)]
    )
    return tokenizer


def new_model(config: dict[str, Any], seed: int) -> CLIP:
    """A network to be trained, with positions that grow smoothly over the image.

    Smooth ones mean the same when stretched over another grid.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = CLIP(**config)
    visual: Any = model.visual
    rows, columns = visual.grid_size
    width = visual.positional_embedding.shape[1]
    y, x = ((torch.arange(count) + 0.5) / count for count in (rows, columns))
    frequencies = torch.arange(1, (width + 3) // 4 + 1).sqrt() * torch.pi / 2
    y, x = y[:, None, None] * frequencies, x[None, :, None] * frequencies
    waves = torch.broadcast_tensors(y.sin(), y.cos(), x.sin(), x.cos())
    table = torch.cat(waves, dim=-1)[..., :width].flatten(0, 1)
    with torch.no_grad():
        visual.positional_embedding[1:] = table * width**-0.5
    return model


def write_mini_folder(
    folder: Path, model: CLIP, tokenizer: Tokenizer, config: dict[str, Any]
) -> None:
    """Write a folder that `mini` and open_clip can load, the weights in half precision and last."""
    folder.mkdir(parents=True, exist_ok=True)
    colours = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": PAD, "eos_token": END}
    write_text(folder / CONFIG_NAME, _json({"model_cfg": config, "preprocess_cfg": colours}))
    write_text(folder / "tokenizer_config.json", _json(settings))
    write_text(folder / TOKENIZER_NAME, tokenizer.to_str(pretty=True))
    state = {
        name: tensor.detach().to("cpu", torch.float16).contiguous()
        for name, tensor in model.state_dict().items()
    }
    with whole_file(folder / MINI_WEIGHTS) as unfinished:
        save_file(state, unfinished, metadata={"format": "pt"})


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"
