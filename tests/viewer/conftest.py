"""A run that is really trained, and a browser."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import open_clip
import pytest
import torch

from tests.scenes import make_textured_scene

BIN = Path(sys.executable).parent
STEPS = 150
CLIP_CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "layers": 2, "width": 16, "head_width": 8},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1},
}
COLOUR_NETWORK = """
import torch

def network():
    layer = torch.nn.Conv2d(3, 3, 4, stride=4, bias=False)
    layer.weight.data = (torch.eye(3)[:, :, None, None] / 16).expand(3, 3, 4, 4).clone()
    return layer
"""


@dataclass(frozen=True)
class TrainedRun:
    """A run on disk and what is needed to open it."""

    config: Path
    with_text: str
    without_text: str
    environment: dict[str, str]


def write_random_clip(folder: Path) -> str:
    """A CLIP with random weights in the layout of open_clip on the hub; its spec."""
    folder.mkdir()
    torch.manual_seed(0)
    model = open_clip.CLIP(**CLIP_CONFIG)
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    colours = {"mean": [0.5] * 3, "std": [0.5] * 3}
    content = {"model_cfg": CLIP_CONFIG, "preprocess_cfg": colours}
    (folder / "open_clip_config.json").write_text(json.dumps(content))
    return f"openclip:{folder}"


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """condense-dense-tiny after a few steps on the painted board, with two encoders."""
    folder = tmp_path_factory.mktemp("run")
    scene = make_textured_scene(folder / "board")
    (folder / "colour_network.py").write_text(COLOUR_NETWORK)
    specs = (write_random_clip(folder / "clip"), "torch:colour_network:network")
    environment = {**os.environ, "PYTHONPATH": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    command = [
        *(BIN / "ns-train", "condense-dense-tiny", "--vis", "tensorboard"),
        *("--max-num-iterations", str(STEPS), "--output-dir", folder / "outputs"),
        *("--pipeline.encoders", *specs, "--data", scene),
    ]
    done = subprocess.run(
        [str(part) for part in command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (config,) = (folder / "outputs").glob("**/config.yml")
    return TrainedRun(config, *specs, environment)
