"""Two processes train condense-dense and condense-sparse of one scene together."""

import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from condense_ns.models.keypoint_training import LOSSES
from tests.pipelines.gloo_ranks import RANKS
from tests.pipelines.scene_ranks import METHODS, STEPS, model_weights
from tests.sparse_run import SparseRun
from tests.training import prepared

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LEARNED = {
    "condense-dense": ("field", "proposal_networks", "feature_field", "decoders"),
    "condense-sparse": ("feature_field", "decoders", "keypoint_head", "keypoint_field"),
}


@dataclass(frozen=True)
class Together:
    """What came of it."""

    method: str
    scene: Path
    ranks: list[dict[str, Any]]
    folder: Path


@pytest.fixture(scope="module", params=METHODS)
def together(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Together:
    """condense-dense from nothing; condense-sparse from a run of one process, which knows its geometry."""
    method, folder = request.param, tmp_path_factory.mktemp("together")
    if method == "condense-sparse":
        run: SparseRun = request.getfixturevalue("sparse_run")
        arguments = [run.scene, folder, run.config.parent / "nerfstudio_models"]
    else:
        arguments = [request.getfixturevalue("scene"), folder]
    line = [sys.executable, "-m", "tests.pipelines.scene_ranks", method, *arguments]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    ranks = [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in range(RANKS)]
    return Together(method, arguments[0], ranks, folder)


def test_each_process_has_rays_of_its_own_and_all_have_the_same_weights(together: Together):
    first, second = together.ranks
    assert len(first["losses"]) == len(second["losses"]) == STEPS
    for one, other in zip(first["losses"], second["losses"], strict=True):
        assert all(math.isfinite(loss) for loss in (*one.values(), *other.values()))
        for name in ("rgb_loss", "feature_cosine_loss_0"):
            assert one[name] != other[name], name
    for name, weights in first["weights"].items():
        assert torch.equal(weights, second["weights"][name]), name


def test_every_part_is_trained(together: Together):
    before, after = together.ranks[0]["before"], together.ranks[0]["weights"]
    changed = {name for name, weights in after.items() if not torch.equal(weights, before[name])}
    for part in LEARNED[together.method]:
        assert any(name.startswith(f"{part}.") for name in changed), part


def test_each_process_learns_keypoints_from_a_pair_of_its_own(together: Together):
    names = {f"keypoint_{name}_loss" for name in LOSSES}
    found = [[names & losses.keys() for losses in rank["losses"]] for rank in together.ranks]
    taught = [names, set(), names] if together.method == "condense-sparse" else [set()] * STEPS
    assert found == [taught] * RANKS
    for one, other in zip(*(rank["losses"] for rank in together.ranks), strict=True):
        if names <= one.keys():
            assert one["keypoint_prior_loss"] != other["keypoint_prior_loss"]


def test_one_process_goes_on_from_their_checkpoint(together: Together, tmp_path: Path):
    found = [list((together.folder / f"rank{rank}").rglob("*.ckpt")) for rank in range(RANKS)]
    assert [len(files) for files in found] == [1, 0]
    saved = torch.load(found[0][0], weights_only=True)["pipeline"]
    assert any(name.startswith("_model.module.") for name in saved)
    config = METHODS[together.method](together.scene, tmp_path)
    config.load_dir = found[0][0].parent
    weights = model_weights(prepared(config))
    for name, expected in together.ranks[0]["weights"].items():
        assert torch.equal(weights[name], expected), name
