"""`condense query --index` and `condense duplicates` on made-up scenes with depth."""

import json
from pathlib import Path

import pytest
from PIL import Image

from condense_ns.commands.duplicates import Duplicates
from condense_ns.commands.index_scenes import IndexAdd
from condense_ns.commands.query import AskQuery
from condense_ns.errors import UserError


@pytest.fixture(scope="module")
def place(tabletops: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two scenes, one of them under two names."""
    place = str(tmp_path_factory.mktemp("answers") / "index")
    for seed, name in ((1, "one"), (2, "two"), (1, "one again")):
        folder = tabletops / f"tabletop_00000{seed}"
        IndexAdd(
            index=place, scenes=(folder,), name=name, descriptors="gradients", language="mini"
        ).main()
    return place


def test_words_give_a_ranking_and_a_sheet(place, tmp_path, capsys):
    AskQuery(words=("a", "cup"), index=place, output_dir=tmp_path / "q", count=2, json=1).main()
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 2
    assert rows[0]["relevancy"] >= rows[1]["relevancy"]
    assert len(rows[0]["xyz"]) == 3
    assert "one" in (tmp_path / "q" / "scenes.html").read_text() + rows[1]["scene"]
    with Image.open(tmp_path / "q" / "scenes.png") as sheet:
        assert sheet.width > 2 * 96
    AskQuery(text=("a cup",), index=place, output_dir=tmp_path / "q").main()
    assert "best region" in capsys.readouterr().out


def test_one_scene_under_two_names_is_a_duplicate_that_did_not_move(place, capsys):
    Duplicates(index=place, json=1).main()
    (pair,) = json.loads(capsys.readouterr().out)
    assert {pair["first"], pair["second"]} == {"one", "one again"}
    assert pair["overlap"] == 1.0
    assert pair["scale"] == pytest.approx(1.0, abs=1e-3)
    assert pair["translation"] == pytest.approx([0.0, 0.0, 0.0], abs=1e-3)
    Duplicates(index=place, scenes=("two",)).main()
    assert "no duplicates of 1 scenes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "either --load-config or --index"),
        ({"index": "i", "load_config": Path("c")}, "either --load-config or --index"),
        ({"index": "i"}, "asked in words"),
        ({"index": "i", "text": ("a",), "count": 0}, "--count is 0"),
        ({"index": "nowhere", "text": ("a",)}, "no index at nowhere"),
    ],
)
def test_what_cannot_be_asked_is_told(tmp_path, monkeypatch, options, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=sentence):
        AskQuery(**options).main()


def test_what_cannot_be_compared_is_told(place):
    with pytest.raises(UserError, match="--candidates is 0"):
        Duplicates(index=place, candidates=0).main()
    with pytest.raises(UserError, match=r"--least-confidence is 2\.0"):
        Duplicates(index=place, least_confidence=2.0).main()
    with pytest.raises(UserError, match="has no scene 'three'"):
        Duplicates(index=place, scenes=("three",)).main()
