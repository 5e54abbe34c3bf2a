"""`condense eval` on a run that is really trained."""

import json
import math
from pathlib import Path

import pytest

from condense_ns.commands.evaluate import Evaluate
from condense_ns.pipelines.feature_evaluation import CONSISTENCY_ROWS
from tests.trained_run import TrainedRun


@pytest.mark.slow
def test_figures_stand_beside_their_rivals(trained_run: TrainedRun, tmp_path: Path):
    Evaluate(load_config=trained_run.config, output_path=tmp_path / "figures.json").main()
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert {"date", "commit", "processor", "torch"} <= figures.keys()
    found = figures["encoders"][trained_run.without_text]
    agreement = found["agreement"]
    assert len(agreement) == 6
    together = agreement["average of all views, its own too"]["cos_c"]
    assert together > agreement["rendered features"]["cos_c"]
    assert agreement["rendered features"]["cos_c"] > 0.5 > agreement["mean feature"]["cos_c"]
    assert math.isclose(agreement["mean feature"]["r2"], 0.0, abs_tol=0.2)
    assert agreement["rendered features"]["coverage"] > 0.9
    assert set(found["consistency"]) == set(CONSISTENCY_ROWS)
    assert len({row["pairs"] for row in found["consistency"].values()}) == 1
    assert found["depth"] == {}
