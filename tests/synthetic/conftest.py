"""Made-up scenes on disk, small and written once."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from condense_ns.synthetic.scene_folder import write_scene
from condense_ns.synthetic.scene_plan import ScenePlan


@dataclass(frozen=True)
class Written:
    """A scene folder and what it was made of; not to be changed."""

    plan: ScenePlan
    folder: Path


@pytest.fixture(scope="session", params=["room", "tabletop"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Ten small views of a room and of a tabletop."""
    plan = ScenePlan(4, request.param, views=10, width=80, height=60, points=3000)
    return Written(plan, write_scene(plan, tmp_path_factory.mktemp("scenes")))
