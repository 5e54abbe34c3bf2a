"""`condense index` and `condense match --index` on keypoint files and made-up scenes with depth."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from condense_ns.commands.index_scenes import IndexAdd, IndexList, IndexRemove, IndexVerify
from condense_ns.commands.match import Match
from condense_ns.encoders import build_encoder
from condense_ns.errors import UserError
from condense_ns.export.keypoint_file import write_keypoints
from condense_ns.export.scene_file import write_scene_file
from condense_ns.pipelines.index_detector import known_encoder
from condense_ns.pipelines.scene_describing import SceneDescriber
from condense_ns.retrieval.scene_index import SceneIndex
from condense_ns.tensors import FeatureSource
from tests.retrieval.made_up_scenes import LOOKS, WORDS, made_up_scene, made_up_set

ENCODERS = {LOOKS.spec: LOOKS.fingerprint, WORDS.spec: WORDS.fingerprint}


def keypoint_file(folder: Path, seed: int, encoders: dict[str, str] | None = None) -> Path:
    path = folder / f"room{seed}" / "keypoints.npz"
    provenance = {"encoders": ENCODERS if encoders is None else encoders}
    write_keypoints(path, made_up_set(seed), provenance)
    return path


def answer(capsys: pytest.CaptureFixture[str], command) -> dict:
    command.main()
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "index")


def test_keypoint_files_are_added_listed_verified_and_removed(tmp_path, place, capsys):
    files = tuple(keypoint_file(tmp_path, seed) for seed in (1, 2))
    added = answer(capsys, IndexAdd(index=place, scenes=files, language="mini", json=1))
    assert added == {"added": ["room1", "room2"], "refused": {}, "scenes": 2, "built": []}
    rows = answer(capsys, IndexList(index=place, json=1))
    assert [row["name"] for row in rows] == ["room1", "room2"]
    assert rows[0]["source"]["fingerprint"] == LOOKS.fingerprint
    assert answer(capsys, IndexVerify(index=place, json=1)) == {
        "scenes": 2,
        "damaged": [],
        "dropped": 0,
    }
    assert answer(capsys, IndexRemove(index=place, names=("room1",), json=1))["scenes"] == 1


def test_tables_for_people(tmp_path, place, capsys):
    IndexAdd(index=place, scenes=(keypoint_file(tmp_path, 1),), name="the kitchen").main()
    IndexList(index=place).main()
    IndexVerify(index=place, optimize=True).main()
    IndexRemove(index=place, names=("the kitchen",)).main()
    words = " ".join(capsys.readouterr().out.split())
    assert "1 scene added;" in words
    assert "the kitchen" in words
    assert "1 scene read, 0 damaged, 0 dropped" in words
    assert "1 scene removed; 0 scenes left" in words


def test_verify_gives_every_scene_its_verdict_and_drops_what_is_lost(tmp_path, place, capsys):
    IndexAdd(index=place, scenes=(keypoint_file(tmp_path, 1),)).main()
    before = set(Path(place).glob("scenes.lance/data/*"))
    IndexAdd(index=place, scenes=(keypoint_file(tmp_path, 2),)).main()
    (file,) = set(Path(place).glob("scenes.lance/data/*")) - before
    file.unlink()
    for drop, remedy in ((False, "put its file back, or give --drop-"), (True, "it was removed")):
        capsys.readouterr()
        with nullcontext() if drop else pytest.raises(SystemExit):
            IndexVerify(index=place, drop_unreadable=drop, optimize=True).main()
        told = capsys.readouterr().out
        assert "number 2, whose name is lost: it cannot be read (lance error: Not found" in told
        assert remedy in told
        assert f"2 scenes read, 1 damaged, {int(drop)} dropped" in told
    assert answer(capsys, IndexVerify(index=place, json=1))["scenes"] == 1


def test_an_encoder_without_words_is_refused_for_folders(tabletop, place):
    add = IndexAdd(index=place, scenes=(tabletop,), descriptors="gradients", language="gradients")
    with pytest.raises(UserError, match="--language is gradients, which knows no words; take an"):
        add.main()
    assert not Path(place).exists()


def test_scene_files_bring_their_name(tmp_path, place, capsys):
    write_scene_file(tmp_path / "scene.npz", made_up_scene(4, name="from afar"))
    scenes = (tmp_path / "scene.npz",)
    assert answer(capsys, IndexAdd(index=place, scenes=scenes, json=1))["added"] == ["from afar"]
    again = IndexAdd(index=place, scenes=scenes, name="again", json=1)
    assert answer(capsys, again)["scenes"] == 2


def test_a_scene_that_cannot_be_used_is_left_out_if_wanted(tmp_path, place, capsys):
    good, bad = keypoint_file(tmp_path, 1), keypoint_file(tmp_path, 2)
    bad.write_bytes(bad.read_bytes()[:500])
    with pytest.raises(UserError, match="damaged"):
        IndexAdd(index=place, scenes=(good, bad)).main()
    assert not Path(place).exists()  # told before the first was added
    IndexAdd(index=place, scenes=(good,)).main()
    capsys.readouterr()
    added = answer(capsys, IndexAdd(index=place, scenes=(bad, good), skip=True, name=None, json=1))
    assert added["added"] == []
    assert "damaged" in added["refused"][str(bad)]
    assert "already" in added["refused"][str(good)]
    assert SceneIndex.open(place).all_names() == ["room1"]


def test_a_taken_name_is_told_before_the_scene_is_described(tmp_path, place, monkeypatch):
    file = keypoint_file(tmp_path, 1)
    IndexAdd(index=place, scenes=(file,)).main()
    monkeypatch.setattr(SceneDescriber, "describe", None)
    with pytest.raises(UserError, match="has a scene 'room1' already; remove it or use --name"):
        IndexAdd(index=place, scenes=(file,)).main()
    with pytest.raises(UserError, match="has a scene 'room1' already"):
        IndexAdd(index=place, scenes=(keypoint_file(tmp_path, 2),), name="room1").main()


def test_what_is_wrong_with_one_of_several_is_told_before_the_first_is_described(
    tmp_path, place, monkeypatch
):
    first, second = keypoint_file(tmp_path, 1), keypoint_file(tmp_path, 2)
    IndexAdd(index=place, scenes=(second,)).main()
    monkeypatch.setattr(SceneDescriber, "describe", None)
    with pytest.raises(UserError, match="has a scene 'room2' already"):
        IndexAdd(index=place, scenes=(first, second)).main()
    with pytest.raises(UserError, match="two scenes are called room1; add one of them by itself"):
        IndexAdd(index=place, scenes=(first, first)).main()
    second.write_bytes(b"no picture")
    with pytest.raises(UserError, match="cannot be read as an image"):
        IndexAdd(index=place, scenes=(first,), thumbnail=second).main()
    with pytest.raises(UserError, match=r"--name is 'a\\nb'; give 1 to 200 printable letters"):
        IndexAdd(index=place, scenes=(first,), name="a\nb").main()


def test_encoders_with_other_weights_are_refused_with_both(tmp_path, place):
    IndexAdd(index=place, scenes=(keypoint_file(tmp_path, 1),)).main()
    other = keypoint_file(tmp_path, 2, {"gradients": "ee" * 16})
    with pytest.raises(UserError, match=r"of gradients \(eeee.* of gradients \(aaaa"):
        IndexAdd(index=place, scenes=(other,)).main()
    with pytest.raises(UserError, match="has no features of dinov2-small; its encoders are grad"):
        IndexAdd(index=place, scenes=(other,), descriptors="dinov2-small").main()


def test_a_head_s_descriptors_need_the_head_s_file(tmp_path, place):
    file = keypoint_file(tmp_path, 1, {})
    with pytest.raises(UserError, match="no keypoint head"):
        IndexAdd(index=place, scenes=(file,)).main()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"scenes": ()}, "at least one scene"),
        ({"count": 0}, "--count is 0"),
        ({"scenes": (Path("a"), Path("b")), "name": "c"}, "single scene"),
        ({"storage_options": ("region",)}, "--storage-options region: write key=value"),
        ({"scenes": (Path("nowhere"),)}, "nowhere"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path, place, wrong, sentence):
    options = {"index": place, "scenes": (keypoint_file(tmp_path, 1),), **wrong}
    with pytest.raises(UserError, match=sentence):
        IndexAdd(**options).main()


def test_names_that_are_not_there(tmp_path, place):
    IndexAdd(index=place, scenes=(keypoint_file(tmp_path, 1),)).main()
    with pytest.raises(UserError, match="has no scene 'b', 'c'"):
        IndexRemove(index=place, names=("room1", "c", "b")).main()
    with pytest.raises(UserError, match="give the names of the scenes to remove"):
        IndexRemove(index=place, names=()).main()
    assert SceneIndex.open(place).all_names() == ["room1"]


def test_damage_ends_in_failure(tmp_path, place, capsys):
    IndexAdd(index=place, scenes=(keypoint_file(tmp_path, 1),)).main()
    SceneIndex.open(place)._table.update(where="true", values={"keypoints": 1})
    with pytest.raises(SystemExit):
        IndexVerify(index=place).main()
    assert "1 scene read, 1 damaged" in capsys.readouterr().out


@pytest.fixture(scope="module")
def tabletop_index(tabletops: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two scenes with depth, described without any training."""
    place = str(tmp_path_factory.mktemp("tabletop_index") / "index")
    folders = tuple(tabletops / f"tabletop_00000{seed}" for seed in (1, 2))
    IndexAdd(index=place, scenes=folders, descriptors="gradients", count=200).main()
    return place


def test_a_photograph_finds_its_scene_and_its_pose(tabletops, tabletop_index, tmp_path, capsys):
    scene = tabletops / "tabletop_000002"
    frames = json.loads((scene / "transforms.json").read_text())
    frame = next(one for one in frames["frames"] if one["file_path"] in frames["test_filenames"])
    command = Match(
        image=scene / frame["file_path"],
        index=tabletop_index,
        focal=(frames["fl_x"],),
        picture=tmp_path / "matches.png",
        json=1,
    )
    found = answer(capsys, command)
    assert found["ranking"][0]["scene"] == "tabletop_000002"
    assert (tmp_path / "matches.png").is_file()
    if found["found"]:  # 64 pixels are few
        true = torch.tensor(frame["transform_matrix"])[:3, 3]
        pose = torch.tensor(found["camera_to_world"])
        assert (pose[:, 3] - true).norm() < 0.3


def test_another_encoder_than_the_index_s_is_refused_with_both(tabletops, tabletop_index):
    image = next((tabletops / "tabletop_000001" / "images").iterdir())
    with pytest.raises(UserError, match=r"made with gradients \(.*\), here is mini \("):
        Match(image=image, index=tabletop_index, encoder="mini").main()
    with pytest.raises(UserError, match="either --keypoints or --index"):
        Match(image=image).main()


def test_an_encoder_that_saw_another_size_can_be_named(tabletop_index):
    index = SceneIndex.open(tabletop_index)
    known = index.contents.descriptors.source
    other = build_encoder("gradients", "cpu", 64).fingerprint
    assert other != known.fingerprint
    sized = FeatureSource(known.spec, other)
    assert known_encoder(index, sized, image_size=64).fingerprint == other
    with pytest.raises(UserError, match="--encoder-image-size"):
        known_encoder(index, sized)
