"""An index whose descriptors are those of a pre-trained backbone: adding, matching, duplicates, words."""

import json
from pathlib import Path

import pytest

from condense_ns.commands.duplicates import Duplicates
from condense_ns.commands.index_scenes import IndexAdd, IndexList
from condense_ns.commands.match import Match
from condense_ns.commands.query import AskQuery
from condense_ns.errors import UserError
from condense_ns.pipelines.refined_encoder import photo_encoder
from tests.backbones import write_backbone

pytestmark = pytest.mark.slow

SPEC = "gradients"


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backbone") / "b.safetensors"
    return write_backbone(path, (SPEC,), scores_learned=True, refining=0.01)


@pytest.fixture(scope="module")
def place(tabletops: Path, backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two scenes, one of them under two names."""
    place = str(tmp_path_factory.mktemp("backbone_index") / "index")
    for seed, name in ((1, "one"), (2, "two"), (1, "one again")):
        scenes = (tabletops / f"tabletop_00000{seed}",)
        spec = f"backbone:{backbone}"
        IndexAdd(index=place, scenes=scenes, name=name, descriptors=spec, language="mini").main()
    return place


def test_the_index_knows_which_backbone_made_it(place, backbone, capsys):
    IndexList(index=place, json=1).main()
    rows = json.loads(capsys.readouterr().out)
    spec = f"backbone:{backbone}"
    source = {"spec": spec, "fingerprint": photo_encoder(spec).fingerprint}
    assert [row["source"] for row in rows] == [source] * 3


def test_a_photograph_finds_its_scene(tabletops, place, tmp_path, capsys):
    scene = tabletops / "tabletop_000002"
    meta = json.loads((scene / "transforms.json").read_text())
    Match(
        image=scene / meta["test_filenames"][0],
        index=place,
        focal=(meta["fl_x"],),
        picture=tmp_path / "matches.png",
        json=1,
    ).main()
    found = json.loads(capsys.readouterr().out)
    assert found["ranking"][0]["scene"] == "two"


def test_one_scene_under_two_names_is_a_duplicate(place, capsys):
    Duplicates(index=place, json=1).main()
    (pair,) = json.loads(capsys.readouterr().out)
    assert {pair["first"], pair["second"]} == {"one", "one again"}
    assert pair["scale"] == pytest.approx(1.0, abs=1e-3)


def test_words_are_asked_of_an_encoder_beside_it(place, tmp_path, capsys):
    AskQuery(text=("a cup",), index=place, output_dir=tmp_path / "q", count=2, json=1).main()
    assert len(json.loads(capsys.readouterr().out)) == 2


def test_words_can_be_asked_of_the_backbone_itself(tabletop, tmp_path, capsys):
    place, spec = str(tmp_path / "index"), "backbone:shipped"
    IndexAdd(index=place, scenes=(tabletop,), descriptors=spec, language=spec).main()
    AskQuery(text=("a cup",), index=place, output_dir=tmp_path / "q", json=1).main()
    assert '"scene": "tabletop_000001"' in capsys.readouterr().out


def test_another_backbone_is_refused_with_both(tabletops, place, backbone, tmp_path):
    other = write_backbone(tmp_path / "other.safetensors", (SPEC,))
    scene = (tabletops / "tabletop_000003",)
    with pytest.raises(UserError, match=r"other\.safetensors .*b\.safetensors"):
        IndexAdd(index=place, scenes=scene, descriptors=f"backbone:{other}").main()
    image = next((tabletops / "tabletop_000001" / "images").iterdir())
    with pytest.raises(UserError, match=r"made with backbone:.*b\.safetensors \(.*other"):
        Match(image=image, index=place, encoder=f"backbone:{other}").main()
