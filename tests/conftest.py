"""What several folders of tests need: a scene, networks, a cache of their own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from condense_ns.synthetic.scene_folder import write_scene
from condense_ns.synthetic.scene_list import write_scene_list
from condense_ns.synthetic.scene_plan import ScenePlan
from tests.lift_run import LiftRun, make_lift_run
from tests.scenes import make_textured_scene
from tests.sparse_run import SparseRun, make_sparse_run
from tests.trained_run import TrainedRun, make_trained_run
from tests.training import COLOUR_NETWORK

LONG_MADE = {"sparse_run", "page", "keypoint_page", "scenes_page"}
"""Fixtures whose making makes a test slow."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test is slow if what it needs is."""
    for item in items:
        if isinstance(item, pytest.Function) and LONG_MADE & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What needs a GPU is skipped where there is none."""
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is read from or written to the user's own cache of features."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _networks_on_the_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`torch:colour_network:network` can be imported."""
    folder = tmp_path_factory.mktemp("networks")
    (folder / "colour_network.py").write_text(COLOUR_NETWORK)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)  # for commands that tests start
        yield


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The painted board in twelve photographs; not to be changed."""
    return make_textured_scene(tmp_path_factory.mktemp("scenes") / "board")


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A run of the painted board with a text encoder and one without text."""
    return make_trained_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def sparse_run(tmp_path_factory: pytest.TempPathFactory) -> SparseRun:
    """A run with keypoints of a board with a patchwork on it."""
    return make_sparse_run(tmp_path_factory.mktemp("sparse_run"))


@pytest.fixture(scope="session")
def tabletops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes of twelve training and two held-out views, and their list; not to be changed."""
    folder = tmp_path_factory.mktemp("tabletops")
    plans = [
        ScenePlan(seed, "tabletop", views=14, width=64, height=48, points=200) for seed in (1, 2, 3)
    ]
    for plan in plans:
        write_scene(plan, folder)
    write_scene_list(folder, plans, test_share=0.34)
    return folder


@pytest.fixture(scope="session")
def tabletop(tabletops: Path) -> Path:
    """One of the scenes."""
    return tabletops / "tabletop_000001"


@pytest.fixture(scope="session")
def lift_run(tabletops: Path, tmp_path_factory: pytest.TempPathFactory) -> LiftRun:
    """A run of lift3d over two of the scenes."""
    return make_lift_run(tabletops, tmp_path_factory.mktemp("lift_run"))
