"""The held-out views of several scenes, one of each in turn."""

from pathlib import Path

from condense_ns.data.example_making import held_out_example, with_features
from condense_ns.data.held_out_examples import HeldOutExamples
from condense_ns.data.open_scenes import OpenScene, OpenScenes
from condense_ns.data.scene_place import ScenePlace
from condense_ns.data.teachers import Teachers
from condense_ns.lifting.lift_example import LiftExample
from tests.training import COLOURS


def views_of(
    tabletops: Path, names: list[str], store: Path, encoders: tuple[str, ...] = ()
) -> HeldOutExamples:
    scenes = OpenScenes(64, Teachers(encoders, "cpu", 64), store)
    places = tuple(ScenePlace(name, tabletops / name, "nerfstudio-data") for name in names)

    def make(opened: OpenScene, view: int) -> LiftExample:
        example = held_out_example(opened, view, 4)
        for spec in encoders:
            example = with_features(example, opened, spec)
        return example

    return HeldOutExamples(places, scenes, make, "cpu")


def test_scenes_take_turns(tabletops: Path, tmp_path: Path):
    names = ["tabletop_000002", "tabletop_000001"]
    views = views_of(tabletops, names, tmp_path)
    assert len(views) == 4
    examples = [batch["examples"][0] for _, batch in views]
    assert [(example.scene, example.view) for example in examples] == [
        (names[0], 12),
        (names[1], 12),
        (names[0], 13),
        (names[1], 13),
    ]
    assert all(len(example.sources) == 4 for example in examples)


def test_a_batch_is_what_the_host_reads(tabletops: Path, tmp_path: Path):
    camera, batch = views_of(tabletops, ["tabletop_000001"], tmp_path)[1]
    assert camera.shape == (1,)
    assert (camera.height.item(), camera.width.item()) == (48, 64)
    assert batch["image"].shape == (48, 64, 3)
    assert batch["image_idx"] == 1
    assert batch["examples"][0].target_features == {}


def test_examples_carry_the_features_of_all_encoders(tabletops: Path, tmp_path: Path):
    grey = "torch:colour_network:grey_network"
    views = views_of(tabletops, ["tabletop_000001"], tmp_path, (COLOURS, grey))
    example = views[0][1]["examples"][0]
    assert set(example.target_features) == set(example.source_features) == {COLOURS, grey}


def test_no_scenes_have_no_views(tabletops: Path, tmp_path: Path):
    assert list(views_of(tabletops, [], tmp_path)) == []
