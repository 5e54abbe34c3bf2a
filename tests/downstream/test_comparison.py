"""Which runs a table is made of, and its cells."""

import pytest

from condense_ns.downstream.comparison import modes_of, plans_of, table_of
from tests.downstream.tiny_run import tiny_plan


def row(backbone, mode, labels, value):
    return {
        "backbone": backbone,
        "mode": mode,
        "labels": labels,
        "labelled_clouds": 4,
        "figures": {"mean_iou": value},
    }


@pytest.mark.parametrize(
    ("backbone", "modes", "expected"),
    [
        ("random", ("frozen", "all"), ["frozen"]),
        ("random", ("all",), []),
        ("scratch", ("frozen", "encoder", "all"), ["all"]),
        ("scratch", ("frozen",), []),
        ("a.safetensors", ("frozen", "encoder"), ["frozen", "encoder"]),
    ],
)
def test_drawn_backbones_are_used_in_one_way(backbone, modes, expected):
    assert modes_of(backbone, modes) == expected


def test_every_backbone_share_and_seed_has_a_run():
    probing, finetuning = tiny_plan(head="linear"), tiny_plan(head="mlp")
    plans = list(
        plans_of(
            ["a", "random", "scratch"], ["frozen", "all"], [1.0, 100.0], 2, probing, finetuning
        )
    )
    assert len(plans) == 2 * 2 * 4
    assert len(set(plans)) == len(plans)
    assert all((plan.head == "linear") == (plan.mode == "frozen") for plan in plans)
    assert [plan.labels for plan in plans] == [1.0] * 8 + [100.0] * 8


def test_cells_are_mean_and_spread_over_seeds():
    rows = [row("x/a.safetensors", "frozen", 1.0, value) for value in (0.2, 0.4)]
    rows += [row("scratch", "all", 1.0, 0.5), row("random", "frozen", 10.0, 0.1)]
    cells = table_of(rows, "mean_iou")
    assert list(cells) == ["a, probe", "from scratch", "random, probe"]
    cell = cells["a, probe"][1.0]
    assert (cell.values, cell.labelled) == ((0.2, 0.4), 4)
    assert str(cell) == "0.300 ± 0.141"
    assert str(cells["from scratch"][1.0]) == "0.500"
