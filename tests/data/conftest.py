"""Small made-up scenes with exact depth, written once."""

from pathlib import Path

import pytest

from condense_ns.synthetic.scene_folder import write_scene
from condense_ns.synthetic.scene_list import write_scene_list
from condense_ns.synthetic.scene_plan import ScenePlan


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
