"""`condense bench index`: which scenes, a short run of everything, and the plan of an installation."""

import json
from pathlib import Path

import pytest

from condense_ns.benchmarks.index_plan import plan
from condense_ns.benchmarks.index_scaling import growth, made_up_photograph, made_up_scene
from condense_ns.commands.bench_index import BenchIndex, made_up_plans
from condense_ns.errors import UserError
from condense_ns.retrieval.scene_search import nearest_pairs


def rows(*sizes: int) -> list[dict[str, float]]:
    """Figures whose times grow with the root of the number of scenes."""
    return [
        {
            "scenes": float(size),
            "cpu p50 ms": 2.0 * size**0.5,
            "cpu s to build": 0.1 * size,
            "kB per scene": 80.0,
            "kB in vector index": 10.0,
            "cpu ms to add": 5.0,
        }
        for size in sizes
    ]


def test_scenes_come_in_fours_of_which_two_are_one_place():
    plans = made_up_plans(9, 1000)
    assert [made.name for made in plans[:5]] == [
        *("room_001000", "room_001000_again1", "room_001200_as001000", "room_001050"),
        "tabletop_001001",
    ]
    assert len({made.name for made in made_up_plans(900, 0)}) == 900
    assert made_up_plans(9, 1000) == made_up_plans(20, 1000)[:9]


def test_a_made_up_photograph_shows_its_scene_and_no_other():
    pairs = nearest_pairs(
        made_up_photograph(3).descriptors, [made_up_scene(n).descriptors for n in (2, 3, 4)]
    )
    counts = pairs.matched.sum(dim=0).tolist()
    assert counts[1] > 200 > 100 > max(counts[0], counts[2])


def test_powers_of_growth_are_found():
    assert growth(rows(100, 1000, 10000), "cpu p50 ms") == pytest.approx(0.5)
    assert growth(rows(100, 100), "cpu p50 ms") != growth(rows(100), "cpu p50 ms")  # NaN both


def test_the_plan_by_hand():
    needed = plan(rows(100, 10_000), 1_000_000, 10.0)
    assert needed["storage, GB"] == pytest.approx(1.3 * 80e3 * 1e6 / 1e9)
    assert needed["memory of a reader, GB"] == pytest.approx(1.3 * 10.0 + 2.0)
    assert needed["processor time of a query, ms"] == pytest.approx(2.0 * 1e6**0.5)
    assert needed["readers of 2 cores for 10 queries/s"] == 10
    built = 0.1 * 10_000 * 100**1.5 / 86_400
    assert needed["processor days to build the vector index"] == pytest.approx(built)
    assert needed["processor days to add all"] == pytest.approx(5e3 / 86_400)
    with pytest.raises(UserError, match="two numbers of scenes"):
        plan(rows(100), 10, 1.0)


def test_scaling_and_its_plan_from_the_file(tmp_path: Path, capsys):
    output = tmp_path / "figures.json"
    BenchIndex(
        data=tmp_path / "data", scenes=0, scales=(3, 6), queries=2, output_path=output
    ).main()
    figures = json.loads(output.read_text())
    assert [row["scenes"] for row in figures["scaling"]] == [3, 6]
    assert all(row["recall@1"] == 1.0 for row in figures["scaling"])
    assert {"commit", "processor", "load"} <= figures.keys()
    assert not list((tmp_path / "data").iterdir())
    BenchIndex(plan=output, plan_scenes=1000).main()
    assert "1,000 scenes" in capsys.readouterr().out


@pytest.mark.slow
def test_all_ways_on_a_few_made_up_scenes(tmp_path: Path):
    output = tmp_path / "figures.json"
    # `gradients` cannot tell a room from another one with its floor and walls
    command = BenchIndex(data=tmp_path / "data", scenes=4, encoder="mini", output_path=output)
    command.main()
    first = json.loads(output.read_text())
    assert first["rows"]["exhaustive matching"]["recall@1"] == 1.0
    assert first["rows"]["ours"]["recall@1"] == 1.0
    assert first["rows"]["ours"]["duplicate AP"] == 1.0
    assert "text@1" in first["rows"]["ours"] or first["scenes"] < 10
    command.main()  # from what was prepared


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"scenes": -1}, "--scenes must be 0 or more"),
        ({"scales": (0,)}, "--scales 1 or more"),
        ({"scenes": 0}, "nothing to measure"),
        ({"plan": Path("nowhere.json")}, "holds no figures"),
        ({"language": "gradients"}, "gradients does not know words"),
    ],
)
def test_what_cannot_be_measured_is_told(tmp_path: Path, wrong, sentence):
    with pytest.raises(UserError, match=sentence):
        BenchIndex(**{"data": tmp_path, "scenes": 1, **wrong}).main()


@pytest.mark.parametrize("scaling", ["{", '{"x": {}}', "[1, 2]", '[{"scenes": 1}, {"scenes": 2}]'])
def test_a_file_without_figures_makes_no_plan(tmp_path: Path, scaling):
    (tmp_path / "plan.json").write_text(f'{{"scaling": {scaling}}}')
    with pytest.raises(UserError, match=r"plan\.json holds no figures of condense bench index"):
        BenchIndex(data=tmp_path, plan=tmp_path / "plan.json").main()
