"""Crops carry the labels of what they show."""

import random

import pytest
import torch

from condense_ns.mini_training.crops import jittered, patch_majority, random_crops


def test_a_patch_takes_the_label_that_most_of_it_shows():
    labels = torch.tensor([[1, 1, 2, 3], [1, 5, 3, 2]])
    assert patch_majority(labels, 2).tolist() == [[1, -1]]  # three of four; half and half


def test_jitter_stays_in_range_and_repeats():
    image = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    for seed in range(10):
        first, again = (jittered(image, random.Random(seed)) for _ in range(2))
        assert torch.equal(first, again)
        assert first.shape == image.shape
        assert 0.0 <= first.min() <= first.max() <= 1.0


def test_jitter_keeps_a_grey_image_grey_up_to_noise():
    grey = torch.full((3, 8, 8), 0.5)
    answers = [jittered(grey, random.Random(seed)) for seed in range(20)]
    assert max((answer.mean((1, 2)).max() - answer.mean((1, 2)).min()) for answer in answers) < 0.05


@pytest.mark.parametrize("size", [(24, 24), (36, 48), (48, 64)])
def test_labels_of_crops_agree_with_each_other(photographs, size):
    crops = random_crops(photographs, [0, 1, 3, 3], size, 4, random.Random(0))
    rows, columns = size[0] // 4, size[1] // 4
    assert crops.images.shape == (4, 3, *size)
    assert crops.classes.shape == crops.things.shape == (4, rows, columns)
    assert len(crops.captions) == 4
    assert crops.things.max() < len(crops.described)
    assert (crops.classes != 0).all()
    assert (crops.things >= 0).any()


def test_things_of_a_patch_belong_to_the_class_of_the_patch(photographs):
    from condense_ns.mini_training.prompts import TARGET_CLASSES

    crops = random_crops(photographs, range(4), (36, 48), 4, random.Random(1))
    both = (crops.things >= 0) & (crops.classes > 0)
    for thing, number in zip(
        crops.things[both].tolist(), crops.classes[both].tolist(), strict=True
    ):
        assert crops.described[thing].class_name == TARGET_CLASSES[number - 1]


def test_equal_generators_give_equal_crops(photographs):
    first, again = (
        random_crops(photographs, [2, 0], (24, 24), 4, random.Random(3)) for _ in range(2)
    )
    assert torch.equal(first.images, again.images)
    assert first.captions == again.captions
