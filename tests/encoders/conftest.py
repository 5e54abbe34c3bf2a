"""Tiny networks of every kind, in their real file formats, that read out the colour of a patch."""

import importlib
import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import open_clip
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor
from transformers import Dinov2Config, Dinov2Model

from condense_ns.encoders import ImageEncoder, build_encoder
from condense_ns.encoders.preprocessing import IMAGENET_MEAN, IMAGENET_STD

PATCH = 8
SHARED_DATA = Path(__file__).parents[2].parent / "shared/data"
CLIP_CONFIG: dict[str, Any] = {
    "embed_dim": 6,
    "vision_cfg": {"image_size": 32, "patch_size": PATCH, "layers": 1, "width": 6, "head_width": 6},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1},
}
TORCH_SOURCE = """
import torch

def network(blue={blue}):
    layer = torch.nn.Conv2d(3, 3, 8, stride=8, bias=False)
    weight = torch.eye(3)
    weight[2, 2] += blue
    layer.weight.data = (weight[:, :, None, None] / 64).expand(3, 3, 8, 8).clone()
    return layer
"""


def write_onnx(
    path: Path,
    weight: Tensor,
    size: tuple[int | str, int | str] = ("height", "width"),
    batch: int | str = "batch",
    metadata: dict[str, str] | None = None,
    external: str | None = None,
) -> None:
    """A convolution whose stride is its kernel; the second output is the first one negated."""
    channels, colours, patch, _ = weight.shape
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, colours, *size])
    cells = [side // patch if isinstance(side, int) else f"{side}_cells" for side in size]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, channels, *cells])
        for name in ("colours", "negated")
    ]
    nodes = [
        helper.make_node("Conv", ["image", "weight"], ["colours"], strides=[patch, patch]),
        helper.make_node("Neg", ["colours"], ["negated"]),
    ]
    tensors = [numpy_helper.from_array(weight.numpy(), "weight")]
    graph = helper.make_graph(nodes, "network", [image], outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save_model(
        model,
        str(path),
        save_as_external_data=external is not None,
        location=external,
        size_threshold=0,
    )


def patch_mean(blue: float = 0.0) -> Tensor:
    """Convolution weights that answer the mean colour of a patch."""
    weight = torch.eye(3)
    weight[2, 2] += blue
    return (weight[:, :, None, None] / PATCH**2).expand(3, 3, PATCH, PATCH).contiguous()


def _paired_weight(blue: float) -> Tensor:
    """Answers (red, -red, green, -green, 0, 0): a mean of zero, so that layer norms only scale."""
    mean = patch_mean(blue)
    zero = torch.zeros_like(mean[:1])
    pairs = [mean[:1], -mean[:1], mean[1:2], -mean[1:2], zero + blue, zero - blue]
    return torch.cat(pairs).contiguous()


def _write_onnx_free(folder: Path, blue: float) -> str:
    write_onnx(folder / "net.onnx", patch_mean(blue))
    return f"onnx:{folder / 'net.onnx'}"


def _write_onnx_fixed(folder: Path, blue: float) -> str:
    write_onnx(folder / "net.onnx", patch_mean(blue), size=(48, 64), batch=1)
    return f"onnx:{folder / 'net.onnx'}"


def _write_torch(folder: Path, blue: float) -> str:
    (folder / "ramp_network.py").write_text(TORCH_SOURCE.format(blue=blue))
    sys.path.insert(0, str(folder))
    sys.modules.pop("ramp_network", None)
    importlib.invalidate_caches()
    return "torch:ramp_network:network"


def _write_openclip(folder: Path, blue: float) -> str:
    torch.manual_seed(0)
    model: Any = open_clip.CLIP(**CLIP_CONFIG)
    visual = model.visual
    block = visual.transformer.resblocks[0]
    with torch.no_grad():
        visual.conv1.weight.copy_(_paired_weight(blue))
        visual.class_embedding.zero_()
        visual.positional_embedding.copy_(torch.tensor([0.0, 0, 0, 0, 1, -1]))
        block.attn.in_proj_weight[12:] = torch.eye(6)
        block.attn.out_proj.weight.copy_(torch.eye(6))
        visual.proj.copy_(torch.eye(6))
    return write_clip(folder, model, CLIP_CONFIG)


def write_clip(folder: Path, model: torch.nn.Module, config: dict) -> str:
    """The layout of open_clip's models on the hub."""
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    colours = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    content = {"model_cfg": config, "preprocess_cfg": colours}
    (folder / "open_clip_config.json").write_text(json.dumps(content))
    return f"openclip:{folder}"


def _write_dinov2(folder: Path, blue: float) -> str:
    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=6,
        num_hidden_layers=1,
        num_attention_heads=1,
        mlp_ratio=1,
        image_size=32,
        patch_size=PATCH,
        layerscale_value=0.0,  # every block is the identity
    )
    model: Any = Dinov2Model(config)
    with torch.no_grad():
        model.embeddings.patch_embeddings.projection.weight.copy_(_paired_weight(blue))
        model.embeddings.patch_embeddings.projection.bias.copy_(torch.tensor([0.0, 0, 0, 0, 1, -1]))
        model.embeddings.position_embeddings.zero_()
        for layer in model.encoder.layer:
            layer.layer_scale1.lambda1.zero_()
            layer.layer_scale2.lambda1.zero_()
    model.save_pretrained(folder)
    return f"dinov2-small:{folder}"


def _ratio_to_constant(features: Tensor) -> Tensor:
    red_green = features[..., [0, 2]] / features[..., [4]]
    return red_green * torch.tensor(IMAGENET_STD[:2]) + torch.tensor(IMAGENET_MEAN[:2])


@dataclass(frozen=True)
class Family:
    """A kind of encoder with a network that reads out colours.

    Attributes:
        write: writes the network into a folder and returns its spec; the number changes its weights.
        red_green: the patch's red and green in [0, 1], from features.
        channels: length of its features.
        image_size: longest side that the network sees; None where the file fixes it.
        text: whether it answers text.
    """

    write: Callable[[Path, float], str]
    red_green: Callable[[Tensor], Tensor]
    channels: int
    image_size: int | None = 64
    text: bool = False

    def build(self, folder: Path, blue: float = 0.0, finer: int = 1) -> ImageEncoder:
        """The encoder, its files in `folder`; `finer` multiplies `image_size`."""
        folder.mkdir(exist_ok=True)
        image_size = self.image_size and self.image_size * finer
        return build_encoder(self.write(folder, blue), image_size=image_size)


FAMILIES = {
    "onnx": Family(_write_onnx_free, lambda features: features[..., :2] / 255, 3),
    "onnx_fixed": Family(_write_onnx_fixed, lambda features: features[..., :2] / 255, 3, None),
    "torch": Family(_write_torch, lambda features: features[..., :2], 3),
    "openclip": Family(_write_openclip, _ratio_to_constant, 6, text=True),
    "dinov2": Family(_write_dinov2, _ratio_to_constant, 6),
}


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Family:
    """Every kind of encoder in turn."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return FAMILIES[request.param]


def ramp_image(height: int, width: int) -> Tensor:
    """Red grows from 0 to 1 from the left border to the right one, green from top to bottom."""
    red = ((torch.arange(width) + 0.5) / width).expand(height, width)
    green = ((torch.arange(height) + 0.5) / height)[:, None].expand(height, width)
    return torch.stack([red, green, torch.full((height, width), 0.3)])[None]


@pytest.fixture
def position_error() -> Callable[[ImageEncoder, Family, int, int], float]:
    """Largest distance in pixels, along an axis, of where a cell looks from where its centre is."""

    def measure(encoder: ImageEncoder, family: Family, height: int, width: int) -> float:
        features = encoder.encode(ramp_image(height, width))[0]
        rows, columns, _ = features.shape
        seen = family.red_green(features) * torch.tensor([width, height])
        x = (torch.arange(columns) + 0.5) * width / columns
        y = (torch.arange(rows) + 0.5) * height / rows
        expected = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
        error = float((seen - expected).abs().max())
        return error if math.isfinite(error) else math.inf

    return measure


@pytest.fixture
def onnx_writer() -> Callable[..., None]:
    """See `write_onnx`."""
    return write_onnx


@pytest.fixture
def colour_weight() -> Callable[[float], Tensor]:
    """See `patch_mean`."""
    return patch_mean


@pytest.fixture
def tiny_clip(tmp_path: Path) -> Callable[..., str]:
    """A function that writes a random CLIP of two blocks and returns its spec."""

    def write(seed: int = 0, **vision: object) -> str:
        torch.manual_seed(seed)
        size = {"layers": 2, "width": 16, "head_width": 8, **vision}
        config = {**CLIP_CONFIG, "vision_cfg": {**CLIP_CONFIG["vision_cfg"], **size}}
        return write_clip(tmp_path, open_clip.CLIP(**config), config)

    return write


@pytest.fixture
def xfeat() -> str:
    """The spec of a real pre-trained network."""
    path = SHARED_DATA / "models/xfeat.onnx"
    if not path.is_file():
        pytest.skip("needs ../shared/data")
    return f"onnx:{path}"
