"""Examples of many scenes, and what nerfstudio's trainer, viewer and renderer read."""

from pathlib import Path
from typing import Any

import pytest
import torch
from nerfstudio.data.utils.dataloaders import FixedIndicesEvalDataloader

from condense_ns.data.multi_scene_datamanager import (
    MultiSceneDataManager,
    MultiSceneDataManagerConfig,
)
from condense_ns.errors import UserError
from condense_ns.lifting.lift_example import LiftExample
from tests.data.changed_scenes import copied
from tests.geometry.looking import looking_at
from tests.training import COLOURS

GREY = "torch:colour_network:grey_network"
Key = tuple[str, int, tuple[int, ...]]


@pytest.fixture
def listed(tabletops: Path, tmp_path: Path) -> Path:
    """Two scenes for training, one of them and the third for validation and tests."""
    text = "train: [{0}1, {0}2]\nval: [{0}2]\ntest: [{0}3]\n"
    file = tmp_path / "list.yaml"
    file.write_text(text.format(f"{tabletops}/tabletop_00000"))
    return file


def manager_of(
    data: Path, test_mode: str = "val", world_size: int = 1, rank: int = 0, **options: Any
) -> MultiSceneDataManager:
    settings = {"image_size": 64, "num_sources": (2, 4), "num_eval_sources": 5, **options}
    config = MultiSceneDataManagerConfig(data=data, encoder_image_size=64, **settings)
    return config.setup(device="cpu", test_mode=test_mode, world_size=world_size, local_rank=rank)


def keys(manager: MultiSceneDataManager, step: int) -> list[Key]:
    examples: list[LiftExample] = manager.next_train(step)[1]["examples"]
    return [(example.scene, example.view, example.source_numbers) for example in examples]


def test_a_step_s_examples_depend_on_seed_and_step_alone(listed: Path):
    manager = manager_of(listed)
    in_order = [keys(manager, step) for step in range(6)]
    assert len({str(key) for key in in_order}) == 6
    again = manager_of(listed)
    assert [keys(again, step) for step in (4, 1, 1, 2)] == [in_order[step] for step in (4, 1, 1, 2)]
    assert [keys(manager_of(listed, seed=1), step) for step in range(6)] != in_order
    assert {key[0][0] for key in in_order} == {"tabletop_000001", "tabletop_000002"}


def test_two_processes_with_one_example_see_what_one_process_with_two_sees(listed: Path):
    one = manager_of(listed, examples_per_step=2)
    two = [manager_of(listed, world_size=2, rank=rank) for rank in range(2)]
    for step in range(5):
        together = [key for manager in two for key in keys(manager, step)]
        assert keys(one, step) == together
        assert len(set(together)) == 2


def test_each_process_keeps_to_its_own_scenes(listed: Path):
    for rank in range(2):
        manager = manager_of(listed, world_size=2, rank=rank)
        seen = {key[0] for step in range(6) for key in keys(manager, step)}
        assert seen == {f"tabletop_00000{rank + 1}"}


def test_cameras_are_the_targets(listed: Path):
    manager = manager_of(listed, examples_per_step=3)
    cameras, batch = manager.next_train(0)
    assert cameras.shape == (3,)
    for at, example in enumerate(batch["examples"]):
        assert cameras[at].fx.item() == example.target.intrinsics[0, 0, 0].item()
        assert 2 <= len(example.sources) <= 4
    assert manager.train_count == 1


def test_encoders_take_turns_from_step_to_step(listed: Path, tmp_path: Path):
    manager = manager_of(listed, encoders=(COLOURS, GREY), feature_store=tmp_path / "store")
    stored = sorted(entry.name for entry in (tmp_path / "store").iterdir())
    assert stored == ["tabletop_000001", "tabletop_000002"]  # of training, before the first step
    for step in range(4):
        example = manager.next_train(step)[1]["examples"][0]
        expected = {(COLOURS, GREY)[step % 2]}
        assert set(example.target_features) == set(example.source_features) == expected
    evaluated = manager.next_eval(0)[1]["examples"][0]
    assert set(evaluated.target_features) == {COLOURS, GREY}


def test_features_are_loaded_in_training_only(listed: Path, tmp_path: Path):
    store = tmp_path / "store"
    manager = manager_of(listed, "test", encoders=(COLOURS,), feature_store=store)
    example = manager.next_eval_image(0)[1]["examples"][0]
    assert example.target_features == {}
    assert not store.exists()
    asked = manager.with_features(example, COLOURS)
    assert asked.source_features[COLOURS].shape[0] == 5
    assert asked.image is example.image or torch.equal(asked.image, example.image)


def test_evaluation_looks_at_validation_in_training_and_at_tests_afterwards(listed: Path):
    training, afterwards = manager_of(listed), manager_of(listed, "test")
    names = ["tabletop_000002", "tabletop_000001", "tabletop_000003"]
    assert training.scene_names == afterwards.scene_names == names
    assert training.shown.scene.name == afterwards.shown.scene.name == names[0]
    for manager, scene in ((training, "tabletop_000002"), (afterwards, "tabletop_000003")):
        seen = [manager.next_eval_image(0)[1]["examples"][0] for _ in range(3)]
        assert [(example.scene, example.view) for example in seen] == [
            (scene, 12),
            (scene, 13),
            (scene, 12),
        ]
        assert all(set(example.source_numbers) <= set(range(12)) for example in seen)
        assert len(manager.fixed_indices_eval_dataloader) == 2


def test_a_list_without_validation_evaluates_its_first_scene(tabletops: Path):
    manager = manager_of(tabletops)  # its list has train and test alone
    assert manager.shown.scene.name == "tabletop_000001"
    assert len(manager.fixed_indices_eval_dataloader) == 2


@pytest.mark.parametrize("test_mode", ["val", "test", "inference"])
def test_the_host_finds_what_it_reads(listed: Path, test_mode: str):
    manager = manager_of(listed, test_mode)
    assert len(manager.train_dataset) == 12
    assert len(manager.eval_dataset) == 2
    assert manager.train_dataset.cameras.shape == (12,)
    assert manager.train_dataparser_outputs.image_filenames == manager.train_dataset.image_filenames
    assert manager.get_train_rays_per_batch() == manager.get_eval_rays_per_batch() == 64 * 48
    assert manager.get_datapath() == listed
    assert manager.get_param_groups() == {}
    assert not manager.includes_time
    assert list(manager.state_dict()) == []
    loader = FixedIndicesEvalDataloader(manager.eval_dataset, device="cpu")
    camera, batch = next(iter(loader))
    assert camera.shape == (1,)
    assert batch["image"].shape == (48, 64, 3)


def test_another_scene_can_be_shown(listed: Path):
    manager = manager_of(listed)
    before = manager.train_dataset[0]["image"]
    manager.show_scene("tabletop_000001")
    assert manager.shown.scene.name == "tabletop_000001"
    assert not torch.equal(manager.train_dataset[0]["image"], before)
    assert torch.equal(
        manager.eval_dataset[1]["image"], manager.shown.scene.image(13).permute(1, 2, 0)
    )
    with pytest.raises(UserError, match="no scene attic; choose one of tabletop_000002, "):
        manager.show_scene("attic")


def test_free_cameras_are_rendered_from_the_shown_scene(listed: Path):
    manager = manager_of(listed, "test")
    view = manager.shown.scene.views[[13]]
    sources, (near, far) = manager.sources_for(view)
    assert len(sources) == 5
    assert 0 < near < far
    away = looking_at(torch.tensor([[50.0, 0.0, 0.0]]), point=(90.0, 0.0, 0.0))
    sources, (near, far) = manager.sources_for(away)
    assert len(sources) == 5
    assert 0 < near < far < 1e4


def test_unreadable_scenes_are_refused_or_left_out(
    tabletops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for name in ("a", "b", "c"):
        copied(tabletops / "tabletop_000001", tmp_path / "scenes" / name)
    (tmp_path / "scenes" / "a" / "images" / "00002.png").write_bytes(b"torn")
    with pytest.raises(UserError, match=r"scene a: .*00002.png"):
        manager_of(tmp_path / "scenes")
    manager = manager_of(tmp_path / "scenes", skip_unreadable_scenes=True)
    assert "Skipped: scene a" in capsys.readouterr().out
    assert manager.scene_names == ["c", "b"]
    (tmp_path / "scenes" / "b" / "transforms.json").write_text("{")
    with pytest.raises(UserError, match="has no scene to train on"):
        manager_of(tmp_path / "scenes", skip_unreadable_scenes=True)


@pytest.mark.parametrize(
    ("options", "culprit"),
    [
        ({"num_sources": (4, 2)}, "num-sources is 4 2"),
        ({"num_sources": (0, 2)}, "num-sources is 0 2"),
        ({"image_size": 3}, "image-size is 3; it must be 16 or more"),
        ({"examples_per_step": 0}, "examples-per-step is 0"),
        ({"num_eval_sources": 0}, "num-eval-sources is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(
    listed: Path, options: dict[str, Any], culprit: str
):
    with pytest.raises(UserError, match=culprit):
        manager_of(listed, **options)


def test_data_must_be_given():
    with pytest.raises(UserError, match="no scenes given"):
        MultiSceneDataManagerConfig().setup()


def test_scenes_without_held_out_views_cannot_be_evaluated(tabletops: Path, tmp_path: Path):
    text = f"train: [{{path: {tabletops}/tabletop_000001, dataparser: nerfstudio-data}}]"
    file = tmp_path / "list.yaml"
    file.write_text(text)
    manager = manager_of(file)
    manager.shown.scene.held_out.clear()
    manager.setup_eval()
    with pytest.raises(UserError, match="has held-out views; list one"):
        manager.next_eval(0)
