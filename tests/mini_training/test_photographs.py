"""Photographs on disk: equal to rendered ones, and rendering goes on."""

import numpy as np
import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.mini_training.photographs import (
    CALIBRATION_SEED,
    HELD_OUT_SEED,
    TRAINING_SEED,
    PhotographPlan,
    RenderedScene,
    SceneWords,
    photographs_of,
    render_scene,
)
from condense_ns.mini_training.prompts import Described

PLAN = PhotographPlan(7, scenes=3, views=2, width=4, height=3)


def painted(plan, seed):
    """A scene whose pixels are all its seed."""
    size = (plan.views, plan.height, plan.width)
    thing = Described("ball", "red", "plain", f"ball {seed}")
    return RenderedScene(
        SceneWords(f"scene {seed}", (thing,)),
        np.full((*size, 3), seed, np.uint8),
        np.full(size, seed, np.uint8),
        np.full(size, seed, np.uint16),
    )


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_photograph_has_its_pixels_and_words(tmp_path):
    photographs = photographs_of(tmp_path, PLAN, render=painted)
    assert photographs.rgb[:, 0, 0, 0].tolist() == [7, 7, 8, 8, 9, 9]
    assert photographs.words_of(3).caption == "scene 8"
    assert photographs.words_of(5).things[0].caption == "ball 9"
    image = photographs.image(2)
    assert image.shape == (1, 3, 3, 4)
    torch.testing.assert_close(image, torch.full_like(image, 8 / 255))


def test_interrupted_rendering_goes_on_to_the_same_bytes(tmp_path):
    photographs_of(tmp_path / "whole", PLAN, render=painted)
    rendered = []

    def killed(plan, seed):
        if seed == 9 and 9 not in rendered:
            rendered.append(seed)
            raise KeyboardInterrupt
        rendered.append(seed)
        return painted(plan, seed)

    with pytest.raises(KeyboardInterrupt):
        photographs_of(tmp_path / "killed", PLAN, render=killed)
    with (tmp_path / "killed" / "scenes.jsonl").open("a") as file:
        file.write('{"caption": "cut o')
    photographs_of(tmp_path / "killed", PLAN, render=killed)
    assert rendered == [7, 8, 9, 9]
    assert bytes_of(tmp_path / "killed") == bytes_of(tmp_path / "whole")


def test_another_plan_is_refused(tmp_path):
    photographs_of(tmp_path, PLAN, render=painted)
    with pytest.raises(UserError, match="other photographs"):
        photographs_of(tmp_path, PhotographPlan(8, 3, 2, 4, 3), render=painted)


@pytest.mark.parametrize("name", ["plan.json", "scenes.jsonl", "rgb.npy"])
def test_a_damaged_file_is_told(tmp_path, name):
    photographs_of(tmp_path, PLAN, render=painted)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 4] + b"\n")
    with pytest.raises(UserError, match="delete the folder, and they are made again, or use anoth"):
        photographs_of(tmp_path, PLAN, render=painted)


def test_real_scenes_name_what_they_show(photographs):
    scene = render_scene(photographs.plan, 11)
    assert np.array_equal(scene.rgb, photographs.rgb[2:])
    assert scene.words == photographs.words[1]
    assert scene.instances.max() <= len(scene.words.things)
    assert scene.words.caption


def test_no_scene_serves_two_ends():
    assert TRAINING_SEED + 10**6 <= HELD_OUT_SEED
    assert HELD_OUT_SEED + 10**6 <= CALIBRATION_SEED
