"""What several folders of tests need: a scene, networks, a cache of their own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenes import make_textured_scene
from tests.sparse_run import SparseRun, make_sparse_run
from tests.trained_run import TrainedRun, make_trained_run
from tests.training import COLOUR_NETWORK


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
def trained_run(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A run of the painted board with a text encoder and one without text."""
    return make_trained_run(scene, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def sparse_run(tmp_path_factory: pytest.TempPathFactory) -> SparseRun:
    """A run with keypoints of a board with a patchwork on it."""
    return make_sparse_run(tmp_path_factory.mktemp("sparse_run"))
