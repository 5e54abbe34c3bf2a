"""What of a network learns in each mode, and that kept rows are those of the network."""

from dataclasses import replace

import pytest
import torch

from condense_ns.downstream.backbone_choice import chosen_backbone
from condense_ns.downstream.classification import Classification
from condense_ns.downstream.kept_rows import KeptRows
from condense_ns.downstream.prepared_cloud import Preparation, prepared
from condense_ns.downstream.prepared_split import PreparedSplit
from condense_ns.downstream.row_store import RowStore
from condense_ns.downstream.task_network import TaskNetwork
from condense_ns.downstream.task_run import TASKS
from condense_ns.downstream.task_training import TaskTrainer, measure
from condense_ns.volumes.from_points import PointCloud
from tests.downstream.made_up_clouds import rooms_data, shape, shapes_data
from tests.downstream.tiny_run import SETTINGS

CPU = torch.device("cpu")
DATA = shapes_data()


def network_of(mode):
    spec = "random" if mode in ("frozen", "adapters") else "scratch"
    torch.manual_seed(0)
    return TaskNetwork(chosen_backbone(spec, mode, "S", 0).backbone, Classification(DATA), mode)


@pytest.fixture(scope="module")
def clouds():
    return PreparedSplit(DATA, DATA.train, Preparation(resolution=8))


@pytest.mark.parametrize(
    ("mode", "moving"),
    [
        ("frozen", ("head",)),
        ("adapters", ("head", "backbone.adapters.of_kind.points")),
        ("all", None),
    ],
)
def test_only_what_is_to_learn_moves(clouds, mode, moving):
    network = network_of(mode)
    network.set_training(False)
    kept = KeptRows(network, clouds, CPU)
    measure(network, kept)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    settings = replace(SETTINGS, head_steps=0)
    trainer = TaskTrainer(network, Classification(DATA), kept, settings, 0)
    trainer.step()
    moved = {n for n, v in network.state_dict().items() if not torch.equal(v, before[n])}
    if moving is None:
        assert {name.split(".")[1] for name in moved} > {"stem", "down", "up", "head"}
    else:
        assert all(name.startswith(moving) for name in moved)
        assert len({name.split(".")[0] for name in moved}) == len(moving)


@pytest.mark.slow
def test_the_head_learns_first(clouds):
    torch.manual_seed(0)
    backbone = chosen_backbone("shipped", "all", "S", 0).backbone
    network = TaskNetwork(backbone, Classification(DATA), "all")
    network.set_training(False)
    kept = KeptRows(network, clouds, CPU)
    measure(network, kept)
    settings = replace(SETTINGS, head_steps=3)
    trainer = TaskTrainer(network, Classification(DATA), kept, settings, 0)
    assert trainer.all_steps == 3 + SETTINGS.steps
    before = {name: value.clone() for name, value in network.state_dict().items()}

    def moved():
        now = network.state_dict().items()
        return {name.split(".")[0] for name, v in now if not torch.equal(v, before[name])}

    for _ in range(3):
        trainer.step()
        assert moved() == {"head"}
    trainer.step()
    assert moved() == {"head", "backbone"}


def test_kept_rows_are_those_of_the_network_and_room_is_bounded(clouds):
    network = network_of("frozen")
    for most_bytes in (10**9, 0):
        store = RowStore(most_bytes)
        kept = KeptRows(network, clouds, CPU, store)
        assert torch.allclose(kept[2], network.rows(clouds[2]), atol=2e-3)
        assert (kept[2] is kept[2]) is False
        assert len(store.kept) == (1 if most_bytes else 0)


def test_rows_of_a_backbone_that_learns_are_made_anew(clouds):
    network, store = network_of("all"), RowStore()
    network.set_training(False)
    kept = KeptRows(network, clouds, CPU, store)
    before = kept[0]
    with torch.no_grad():
        network.backbone.stem.weight.mul_(2.0)
    assert not torch.allclose(kept[0], before)
    assert not store.kept


def test_rows_of_another_backbone_or_split_are_never_taken(clouds):
    first, other, store = network_of("frozen"), network_of("frozen"), RowStore()
    with torch.no_grad():
        other.backbone.stem.weight.mul_(2.0)
    of_first, of_other = (
        KeptRows(network, clouds, CPU, store, maker)
        for network, maker in ((first, "first"), (other, "other"))
    )
    assert not torch.allclose(of_first[0], of_other[0])
    assert torch.equal(KeptRows(other, clouds, CPU, store, "first")[0], of_first[0])


@pytest.mark.parametrize("count", [1, 5])
def test_a_few_points_are_answered_for(count):
    cloud = prepared(replace(shape(0, count), labels=None), DATA, Preparation(resolution=8))
    network = network_of("frozen")
    answers = network.head(network.rows(cloud), cloud.volume)
    assert answers.shape == (1, 2)
    assert torch.isfinite(answers).all()


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize(
    ("task", "head"),
    [
        ("segment", "linear"),
        ("segment", "mlp"),
        ("segment", "decoder"),
        ("detect", "linear"),
        ("detect", "mlp"),
    ],
)
def test_a_few_points_of_a_room_are_answered_for(task, head, count):
    data = rooms_data(task)
    whole = data.test[0]
    labels = None if whole.labels is None else whole.labels[:count]
    few = replace(whole, cloud=PointCloud(whole.cloud.positions[:count]), labels=labels)
    cloud = prepared(few, data, Preparation())
    asked = TASKS[task](data)
    torch.manual_seed(0)
    backbone = chosen_backbone("random", "frozen", "S", 0).backbone
    network = TaskNetwork(backbone, asked, "frozen", head)
    network.set_training(False)
    scores = asked.scores()
    scores.add(network.answers(cloud), cloud)
    assert all(0 <= value <= 1 for value in scores.figures().values())


def test_clouds_are_prepared_once_while_there_is_room():
    split = PreparedSplit(DATA, DATA.train, Preparation(resolution=8))
    assert split[1] is split[1]
    cramped = PreparedSplit(DATA, DATA.train, Preparation(resolution=8), most_kept=0)
    assert cramped[1] is not cramped[1]
    assert len(cramped) == len(DATA.train)


def test_parts_of_a_split_keep_clouds_and_rows_together(clouds):
    part = clouds.chosen([5, 2])
    assert part[0] is clouds[5]
    network = network_of("frozen")
    store = RowStore()
    kept = KeptRows(network, clouds, CPU, store)
    of_part = kept.chosen([5, 2])
    assert torch.equal(of_part[1], kept[2])
    assert len(store.kept) == 1
