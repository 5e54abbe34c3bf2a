"""The rate is chosen by what is learned of clouds that were set aside."""

import pytest
import torch

from condense_ns.downstream import learning_rate
from condense_ns.downstream.backbone_choice import chosen_backbone
from condense_ns.downstream.classification import Classification
from condense_ns.downstream.kept_rows import KeptRows
from condense_ns.downstream.learning_rate import RATES, chosen_rate
from condense_ns.downstream.prepared_cloud import Preparation
from condense_ns.downstream.prepared_split import PreparedSplit
from condense_ns.downstream.task_network import TaskNetwork
from tests.downstream.made_up_clouds import shapes_data
from tests.downstream.tiny_run import SETTINGS

DATA = shapes_data(train=10)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    backbone = chosen_backbone("random", "frozen", "S", 0).backbone
    return TaskNetwork(backbone, Classification(DATA), "frozen")


def choose(network, places):
    clouds = PreparedSplit(DATA, DATA.train, Preparation(resolution=6)).chosen(places)
    kept = KeptRows(network, clouds, CPU)
    return chosen_rate(network, Classification(DATA), kept, SETTINGS, 0)


def test_the_head_stays_as_it_was(network):
    before = {name: value.clone() for name, value in network.head.state_dict().items()}
    assert choose(network, range(10)) in RATES
    assert all(torch.equal(v, before[name]) for name, v in network.head.state_dict().items())


@pytest.mark.parametrize("places", [[0, 1], [0, 2, 4, 6, 1]])
def test_too_few_clouds_take_the_usual_rate(network, places):
    assert choose(network, places) == SETTINGS.learning_rate


def test_the_best_figure_decides(network, monkeypatch):
    class Told(learning_rate.TaskTrainer):
        """A trainer that only pretends."""

        def step(self):
            self.steps += 1

        def scored(self, clouds, told=None):
            class Fixed:
                rate = self.settings.learning_rate

                def figures(self):
                    return {"figure": -abs(self.rate - 3e-3)}

            return Fixed()

    monkeypatch.setattr(learning_rate, "TaskTrainer", Told)
    assert choose(network, range(10)) == 3e-3
