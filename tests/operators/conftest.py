"""Networks that read out colours, the folder of a style, and the shared data."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from condense_ns.operators.style_network import weight_shapes

SHARED_DATA = Path(__file__).parents[2].parent / "shared/data"


@pytest.fixture
def image() -> Tensor:
    """Random colours in 24 x 32 pixels."""
    return torch.rand(3, 24, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def ramp() -> Tensor:
    """Red grows from 0 to 1 from left to right, green from top to bottom, in 52 x 39 pixels."""
    red = ((torch.arange(39) + 0.5) / 39).expand(52, 39)
    green = ((torch.arange(52) + 0.5) / 52)[:, None].expand(52, 39)
    return torch.stack([red, green, torch.full((52, 39), 0.3)])


@pytest.fixture
def write_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """A function that writes the module `halves`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(source: str) -> None:
        (tmp_path / "halves.py").write_text(source)
        sys.modules.pop("halves", None)
        importlib.invalidate_caches()

    yield write
    sys.modules.pop("halves", None)


def write_style(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Raw arrays and their manifest."""
    folder.mkdir(exist_ok=True)
    manifest = {
        name: {"filename": name, "shape": list(array.shape)} for name, array in arrays.items()
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    for name, array in arrays.items():
        array.astype("<f4").tofile(folder / name)


@pytest.fixture
def style_writer() -> Callable[[Path, dict[str, np.ndarray]], None]:
    """See `write_style`."""
    return write_style


@pytest.fixture(scope="session")
def style_arrays() -> dict[str, np.ndarray]:
    """Random weights of a style."""
    random = np.random.default_rng(0)
    return {
        name: (random.normal(size=shape) * (0.1 if len(shape) > 1 else 1.0)).astype(np.float32)
        for name, shape in weight_shapes().items()
    }


@pytest.fixture(scope="session")
def style_folder(
    style_arrays: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Their folder; not to be changed."""
    folder = tmp_path_factory.mktemp("style")
    write_style(folder, style_arrays)
    return folder


@pytest.fixture
def shared_data() -> Path:
    """Real networks and photographs."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs ../shared/data")
    return SHARED_DATA
