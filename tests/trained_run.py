"""A run on disk, trained just long enough to know red from blue."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import open_clip
import torch

from tests.scenes import make_textured_scene
from tests.training import COLOURS, prepared, small_config, train

STEPS = 200
PHOTOGRAPHS = 36
"""With a dozen of them, held-out views are no better than their mean colour."""
BIN = Path(sys.executable).parent
CLIP_CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "layers": 2, "width": 16, "head_width": 8},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1},
}


@dataclass(frozen=True)
class TrainedRun:
    """What is needed to open it."""

    config: Path
    """Its config.yml."""
    with_text: str
    """Its first encoder: a CLIP with random weights."""
    without_text: str
    """Its second encoder: mean colours."""


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


def make_trained_run(folder: Path) -> TrainedRun:
    """Train condense-dense on a painted board with two encoders."""
    scene = make_textured_scene(folder / "board", PHOTOGRAPHS)
    with_text = write_random_clip(folder / "clip")
    config = small_config(scene, folder / "outputs", (with_text, COLOURS))
    trainer = prepared(config)
    train(trainer, STEPS)
    return TrainedRun(trainer.base_dir / "config.yml", with_text, COLOURS)
