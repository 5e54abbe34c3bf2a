"""Finding, checking and loading the weights of open_clip; see `condense_ns.encoders.openclip`."""

import functools
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
from open_clip import CLIP, CustomTextCLIP
from open_clip.pretrained import get_pretrained_cfg

from condense_ns.encoders.base import EncoderError
from condense_ns.encoders.hub import hub_folder
from condense_ns.encoders.openclip_torchscript import is_torchscript, torchscript_weights

CONFIG_NAME = "open_clip_config.json"
TOKENIZER_NAME = "tokenizer.json"
WEIGHT_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin", "open_clip_model.bin")
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class ModelSource:
    """All that is needed to build a network.

    Attributes:
        spec: the text that names it, for errors.
        config: open_clip's configuration of the network.
        weights: the file with all tensors.
        mean: of the colours that the network expects, in [0, 1].
        std: deviation of these colours.
        tokenizer: folder with a tokenizer in the format of transformers; None for open_clip's own.
    """

    spec: str
    config: dict[str, Any]
    weights: Path
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    tokenizer: Path | None = None

    @property
    def channels(self) -> int:
        """Length of embeddings."""
        return self.config["embed_dim"]

    @property
    def patch_size(self) -> int:
        """Side of a patch in pixels."""
        return self.config["vision_cfg"].get("patch_size", 16)

    @property
    def context_length(self) -> int:
        """Number of tokens of a text."""
        return self.config["text_cfg"].get("context_length", 77)

    @property
    def tokenizer_settings(self) -> dict[str, Any]:
        """Keyword arguments of open_clip's tokenizer."""
        return self.config["text_cfg"].get("tokenizer_kwargs") or {}

    @property
    def tokenizer_files(self) -> list[Path]:
        """What changes the numbers of a text beside the weights."""
        return [] if self.tokenizer is None else [self.tokenizer / TOKENIZER_NAME]


def model_source(spec: str) -> ModelSource:
    """Configuration and weight file that a spec names.

    Raises:
        EncoderError: an unknown or unsupported architecture, or weights that are not there.
    """
    body = spec.removeprefix("openclip:")
    folder = Path(body).expanduser()
    if body and folder.is_dir():
        return _source_from_folder(spec, folder)
    architecture, _, weights = body.partition("/")
    config = open_clip.get_model_config(architecture)
    if config is None or not weights:
        known = ", ".join(_plain_architectures())
        raise EncoderError(
            f"{spec}: {body or 'nothing'} is neither a folder with {CONFIG_NAME} nor "
            f"<architecture>/<tag or file> with an architecture among {known}"
        )
    _check_supported(spec, config)
    if Path(weights).expanduser().is_file():
        return _source_from_file(spec, architecture, weights, config)
    return _source_from_tag(spec, architecture, weights, config)


def load_model(source: ModelSource) -> CLIP | CustomTextCLIP:
    """The network in float32, frozen, with every weight taken from the file.

    Raises:
        EncoderError: a file or a configuration that cannot be used.
    """
    config = dict(source.config)
    model_class = CustomTextCLIP if config.pop("custom_text", False) else CLIP
    try:
        model = model_class(**config)
        if is_torchscript(source.weights):
            model.load_state_dict(torchscript_weights(source.weights), strict=True)
        else:
            open_clip.load_checkpoint(model, str(source.weights), strict=True)
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise EncoderError(
            f"{source.spec}: {source.weights} does not hold the weights of this network ({reason}); "
            "check the architecture, or download the file again"
        ) from error
    return model.float().eval().requires_grad_(False)


def _source_from_folder(spec: str, folder: Path) -> ModelSource:
    path = folder / CONFIG_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        config = content["model_cfg"]
        colours = content.get("preprocess_cfg", {})
        _check_supported(spec, config, folder)
        from_transformers = config["text_cfg"].get("hf_tokenizer_name")
    except (OSError, json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise EncoderError(
            f"{spec}: cannot read {path} ({type(error).__name__}: {error}); "
            "expected a folder in the layout of open_clip's models on the hub"
        ) from error
    for name in WEIGHT_NAMES:
        if (folder / name).is_file():
            mean, std = colours.get("mean", _MEAN), colours.get("std", _STD)
            tokenizer = folder if from_transformers else None
            return ModelSource(spec, config, folder / name, tuple(mean), tuple(std), tokenizer)
    raise EncoderError(f"{spec}: {folder} holds no weights (looked for {', '.join(WEIGHT_NAMES)})")


def _source_from_file(
    spec: str, architecture: str, weights: str, config: dict[str, Any]
) -> ModelSource:
    """Weights without a tag, which alone would say how they were trained.

    Raises:
        EncoderError: weights as OpenAI publishes them, for an architecture with another activation.
    """
    file, quick = Path(weights).expanduser(), f"{architecture}-quickgelu"
    if quick in open_clip.list_models():
        if is_torchscript(file):
            raise EncoderError(
                f"{spec}: {file} is a TorchScript archive, the form of OpenAI's weights, which were "
                f"trained with QuickGELU; write openclip:{quick}/{weights}, or "
                f"openclip:{architecture}/<tag>@{weights} if they are those of another tag"
            )
        _tell_assumed_training(architecture, weights)
    return ModelSource(spec, config, file, _MEAN, _STD)


@functools.cache
def _tell_assumed_training(architecture: str, weights: str) -> None:
    """A line on stderr, once for each file."""
    sys.stderr.write(
        f"{weights}: nothing says how it was trained, GELU and CLIP's own colours are assumed; write "
        f"openclip:{architecture}/<tag>@{weights} with its tag in open_clip, for example openai, or "
        f"openclip:{architecture}-quickgelu/{weights} if it was trained with QuickGELU\n"
    )


def _source_from_tag(
    spec: str, architecture: str, weights: str, config: dict[str, Any]
) -> ModelSource:
    """Weights of ``<tag>`` on the hub, or of ``<tag>@<file>`` in that file."""
    tag, _, named = weights.partition("@")
    pretrained = get_pretrained_cfg(architecture, tag)
    repo_id = pretrained.get("hf_hub", "")
    if not repo_id and not (pretrained and named):
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(architecture))
        raise EncoderError(
            f"{spec}: {tag} is neither a file nor a tag on the hub; tags of {architecture}: {tags}"
        )
    if pretrained.get("quick_gelu", False):
        # The tag was trained with another activation than the plain architecture says.
        config["quick_gelu"] = True
    if named:
        file = Path(named).expanduser()
        if not file.is_file():
            raise EncoderError(
                f"{spec}: there is no file {file}; correct it, or leave out @{named} to take the "
                "weights from the hub"
            )
    else:
        file = _file_on_hub(repo_id, spec, f"openclip:{architecture}/{tag}@<weight file>")
    mean, std = pretrained.get("mean", _MEAN), pretrained.get("std", _STD)
    return ModelSource(spec, config, file, tuple(mean), tuple(std))


def _file_on_hub(hub_name: str, spec: str, file_spec: str) -> Path:
    """The weights of ``<owner>/<repository>/``, or the file of it that is named behind that.

    Raises:
        EncoderError: they are neither in the cache nor to be downloaded.
    """
    repo_id, _, file_name = hub_name.rpartition("/")
    names = (file_name,) if file_name else WEIGHT_NAMES[:2]
    folder = hub_folder(repo_id, [(name,) for name in names], spec, file_spec)
    return next(folder / name for name in names if (folder / name).is_file())


def _plain_architectures() -> list[str]:
    """Names of architectures that are likely to be supported."""
    others = ("SigLIP", "CLIPA", "worldwide")
    names = [name for name in open_clip.list_models() if name.startswith("ViT-")]
    return [name for name in names if not any(other in name for other in others)]


def _check_supported(spec: str, config: dict[str, Any], folder: Path | None = None) -> None:
    """Refuse all but open_clip's own vision transformers with its own text tower.

    A tokenizer of transformers must lie in the folder: asking the hub for it could wait for ever.
    """
    vision, text = config["vision_cfg"], config["text_cfg"]
    has_tokenizer = folder is not None and (folder / TOKENIZER_NAME).is_file()
    reasons = {
        "its image tower comes from timm": vision.get("timm_model_name"),
        "its image tower is a ResNet": isinstance(vision.get("layers"), list | tuple),
        "its image tower ends in an attentional pooler": vision.get("attentional_pool"),
        "it is a CoCa": config.get("multimodal_cfg"),
        "its patches are not square": not isinstance(vision.get("patch_size", 16), int),
        "its text tower comes from transformers": text.get("hf_model_name"),
        f"its tokenizer comes from transformers, without a {TOKENIZER_NAME} beside it": (
            text.get("hf_tokenizer_name") and not has_tokenizer
        ),
    }
    if found := [reason for reason, holds in reasons.items() if holds]:
        raise EncoderError(
            f"{spec} is not supported: {found[0]}; use a plain vision transformer of open_clip, "
            "for example openclip:ViT-B-16/laion2b_s34b_b88k"
        )
