"""The detector: coding of boxes, who learns what, thinning out, and that cubes are found."""

import math
from dataclasses import replace

import pytest
import torch
from PIL import Image

from condense_ns.downstream.box_coding import canonical, coded, decoded
from condense_ns.downstream.box_scores import FoundBoxes
from condense_ns.downstream.detection import Detection, focal_loss, owners, thinned
from condense_ns.downstream.labelled_cloud import LabelledBoxes
from condense_ns.downstream.prepared_cloud import Preparation, prepared
from condense_ns.downstream.task_run import PICTURE, run_task
from condense_ns.metrics.box_overlap import paired_iou
from tests.downstream.made_up_clouds import rooms_data
from tests.downstream.tiny_run import SETTINGS, tiny_plan

DATA = rooms_data("detect")


def random_boxes(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.rand(count, 7, generator=generator)
    boxes[:, :3] *= 40
    boxes[:, 3:6] = 1 + 20 * boxes[:, 3:6]
    boxes[:, 6] = 12 * (boxes[:, 6] - 0.5)
    return boxes


@pytest.fixture(scope="module")
def cloud():
    return prepared(DATA.train[0], DATA, Preparation())


def test_canonical_boxes_are_the_same_boxes():
    boxes = random_boxes(200)
    found = canonical(boxes)
    assert (found[:, 6].abs() <= math.pi / 4 + 1e-5).all()
    assert torch.allclose(paired_iou(boxes, found), torch.ones(200), atol=1e-3)


def test_coding_and_decoding_gives_the_same_boxes():
    boxes, places = random_boxes(200), torch.rand(200, 3) * 40
    found = decoded(coded(boxes, places), places)
    assert torch.allclose(paired_iou(boxes, found), torch.ones(200), atol=1e-3)


def test_a_code_by_hand():
    box = torch.tensor([[18.0, 2, 2, 16, 32, 16, math.pi / 2]])
    code = coded(box, torch.tensor([[2.0, 2, 2]]))[0]
    assert code.tolist() == pytest.approx([1, 0, 0, math.log(2), 0, 0, 1, 0], abs=1e-5)


def test_a_place_belongs_to_the_smallest_box_around_it():
    boxes = torch.tensor(
        [[0.0, 0, 0, 10, 10, 10, 0], [3, 0, 0, 2, 2, 2, 0], [50, 0, 0, 0, 9, 9, 0]]
    )
    places = torch.tensor([[0.0, 0, 0], [3, 0, 0], [20, 0, 0], [50.9, 1, 1]])
    assert owners(places, boxes).tolist() == [0, 1, -1, 2]  # thin boxes are a voxel thick
    assert owners(places, boxes[:0]).tolist() == [-1] * 4


def test_focal_loss_is_its_formula():
    logits = torch.tensor([[0.3, -2.0], [4.0, 0.0]])
    wanted = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    expected = 0.0
    for logit, want in zip(logits.flatten().tolist(), wanted.flatten().tolist(), strict=True):
        p = 1 / (1 + math.exp(-logit))
        p, alpha = (p, 0.25) if want else (1 - p, 0.75)
        expected -= alpha * (1 - p) ** 2 * math.log(p)
    assert float(focal_loss(logits, wanted)) == pytest.approx(expected, rel=1e-5)


def test_thinning_keeps_the_first_of_each_heap_and_class():
    boxes = torch.tensor([[x, 0, 0, 2, 2, 2, 0] for x in (0.0, 0.1, 5.0, 0.05)])
    assert thinned(boxes, torch.tensor([0, 0, 0, 1])).tolist() == [0, 2, 3]
    assert thinned(boxes[:0], torch.zeros(0, dtype=torch.long)).tolist() == []


def perfect_answers(task, cloud):
    """What a detector would say that knew everything."""
    rows = task.rows(torch.zeros(len(cloud.volume), 4), cloud)
    from condense_ns.downstream.detection import _places

    places = _places(cloud.volume)
    owner = owners(places, cloud.boxes.boxes)
    answers = torch.full((len(rows), len(DATA.class_names) + 9), -9.0)
    inside = owner >= 0
    answers[inside, 0] = 9
    answers[inside, 1] = 9
    answers[inside, 2:] = coded(cloud.boxes.boxes[owner[inside]], places[inside])
    return answers


def test_perfect_answers_have_almost_no_loss_and_full_scores(cloud):
    task = Detection(DATA)
    answers = perfect_answers(task, cloud).requires_grad_()
    loss = task.loss(answers, cloud)
    assert float(loss) < 0.01
    loss.backward()
    assert answers.grad is not None
    assert torch.isfinite(answers.grad).all()
    scores = task.scores()
    scores.add(answers.detach(), cloud)
    assert scores.figures() == {"map_25": pytest.approx(1.0), "map_50": pytest.approx(1.0)}
    found = task.found(answers.detach(), cloud)
    assert isinstance(found, FoundBoxes)
    assert len(found.boxes) == 1


def test_a_scene_without_things_teaches_to_say_nothing(cloud):
    empty = replace(cloud, boxes=LabelledBoxes(torch.zeros(0, 7), torch.zeros(0, dtype=torch.long)))
    task = Detection(DATA)
    answers = torch.zeros(perfect_answers(task, cloud).shape, requires_grad=True)
    loss = task.loss(answers, empty)
    loss.backward()
    assert float(loss) > 0
    assert answers.grad is not None
    assert (answers.grad[:, 0] > 0).all()
    assert (answers.grad[:, 1:] == 0).all()


def test_rows_are_means_and_maxima_of_eight_voxels(cloud):
    latents = torch.randn(len(cloud.volume), 3)
    rows = Detection(DATA).rows(latents, cloud)
    parents = cloud.volume.voxel_indices // 2
    first = (parents == parents[0]).all(dim=1)
    expected = torch.cat([latents[first].mean(dim=0), latents[first].amax(dim=0)])
    assert torch.allclose(rows[0], expected, atol=1e-6)


def test_a_short_run_writes_its_curves(tmp_path):
    how = Preparation(voxel_size=0.25)
    plan = tiny_plan(settings=replace(SETTINGS, steps=2), preparation=how)
    assert run_task(DATA, plan, tmp_path)["figures"].keys() == {"map_25", "map_50"}
    with Image.open(tmp_path / PICTURE) as picture:
        assert picture.format == "PNG"


@pytest.mark.slow
def test_cubes_are_found(tmp_path):
    settings = replace(SETTINGS, steps=60, learning_rate=3e-3)
    figures = run_task(DATA, tiny_plan("all", head="mlp", settings=settings), tmp_path)["figures"]
    assert figures["map_25"] > 0.5
