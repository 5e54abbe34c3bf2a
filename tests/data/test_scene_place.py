"""How a scene is read, by what lies in its folder or by what was asked for."""

from pathlib import Path
from typing import Any

import pytest

from condense_ns.data.scene_place import ScenePlace, recognised_place
from condense_ns.errors import UserError


def config_of(place: ScenePlace) -> Any:
    """The config of the place's data parser, whichever it is."""
    return place.parser().config


@pytest.mark.parametrize(
    ("content", "dataparser", "options"),
    [
        (["transforms.json", "colmap/x"], "nerfstudio-data", {}),
        (["transforms_train.json"], "blender-data", {}),
        (["colmap/x"], "colmap", {"downscale_factor": 1}),
        (["sparse/0/x"], "colmap", {"downscale_factor": 1, "colmap_path": "sparse/0"}),
        (["sparse/cameras.bin"], "colmap", {"downscale_factor": 1, "colmap_path": "sparse"}),
        (["sparse/cameras.txt"], "colmap", {"downscale_factor": 1, "colmap_path": "sparse"}),
    ],
)
def test_the_data_parser_is_known_by_what_lies_in_the_folder(
    tmp_path: Path, content: list[str], dataparser: str, options: dict[str, object]
):
    for name in content:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    place = recognised_place(tmp_path, "attic")
    assert place == ScenePlace("attic", tmp_path, dataparser, options)


def test_a_folder_of_something_else_is_not_recognised(tmp_path: Path):
    assert recognised_place(tmp_path) is None


def test_options_reach_the_data_parser(tmp_path: Path):
    options = {"scale_factor": 2.0, "mask_color": [0.0, 0.5, 1.0], "eval_mode": "all"}
    config = config_of(ScenePlace("attic", tmp_path, "nerfstudio-data", options))
    assert config.data == tmp_path
    assert (config.scale_factor, config.mask_color) == (2.0, (0.0, 0.5, 1.0))
    colmap = config_of(ScenePlace("attic", tmp_path, "colmap", {"colmap_path": "sparse/0"}))
    assert colmap.colmap_path == Path("sparse/0")


def test_one_scene_s_options_are_not_another_s(tmp_path: Path):
    ScenePlace("attic", tmp_path, "nerfstudio-data", {"scale_factor": 2.0}).parser()
    assert config_of(ScenePlace("hall", tmp_path, "nerfstudio-data")).scale_factor == 1.0


@pytest.mark.parametrize("option", ["size", "data", "_target"])
def test_options_that_a_data_parser_has_not_are_refused(tmp_path: Path, option: str):
    place = ScenePlace("attic", tmp_path, "blender-data", {option: 1})
    with pytest.raises(UserError, match=f"scene attic: blender-data has no option {option}"):
        place.parser()


def test_values_that_a_data_parser_refuses_are_told(tmp_path: Path):
    place = ScenePlace("attic", tmp_path, "blender-data", {"alpha_color": "no colour"})
    with pytest.raises(UserError, match="scene attic: blender-data refuses its options"):
        place.parser()
