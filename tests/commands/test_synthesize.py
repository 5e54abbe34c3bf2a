"""`condense synth`: which folders it makes, that it goes on, and what it says about bad options."""

import json
import re
import subprocess
import sys

import pytest
import yaml

from condense_ns.commands.synthesize import Synthesize
from condense_ns.errors import UserError

TINY = {"views": 5, "width": 32, "height": 24, "points": 50, "workers": 0}


def made(folder, **options):
    Synthesize(out=folder, **{**TINY, **options}).main()
    return yaml.safe_load((folder / "scenes.yaml").read_text())


def identities(folder, names):
    contents = [json.loads((folder / name / "annotations.json").read_text()) for name in names]
    return {thing["identity"] for content in contents for thing in content["instances"]}


def bytes_of(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Three seeds, each met again once."""
    folder = tmp_path_factory.mktemp("synth")
    made(folder, scenes=3, near_duplicates=1, test_share=0.34)
    return folder


def test_rooms_and_tabletops_take_turns_and_are_listed(scenes):
    assert yaml.safe_load((scenes / "scenes.yaml").read_text()) == {
        "train": [
            *("room_000000", "room_000000_again1", "tabletop_000001", "tabletop_000001_again1")
        ],
        "test": ["room_000002", "room_000002_again1"],
    }
    assert len([path for path in scenes.iterdir() if path.is_dir()]) == 6


def test_training_and_testing_share_no_thing(scenes):
    split = yaml.safe_load((scenes / "scenes.yaml").read_text())
    train, test = (identities(scenes, split[side]) for side in ("train", "test"))
    assert len(train) > 20
    assert len(test) > 10
    assert not train & test
    assert identities(scenes, ["room_000002"]) == identities(scenes, ["room_000002_again1"])


def test_workers_make_the_same_bytes(scenes, tmp_path):
    made(tmp_path, scenes=3, near_duplicates=1, test_share=0.34, workers=2)
    assert bytes_of(tmp_path) == bytes_of(scenes)


def test_a_run_goes_on_with_what_is_missing(scenes, tmp_path):
    made(tmp_path, seed=2)
    place = tmp_path / "room_000002" / "images"
    before = {file.name: file.stat().st_mtime_ns for file in place.iterdir()}
    split = made(tmp_path, seed=1, scenes=2, test_share=1.0)
    assert split == {"train": ["room_000002"], "test": ["tabletop_000001"]}
    assert {file.name: file.stat().st_mtime_ns for file in place.iterdir()} == before


def test_a_list_that_cannot_be_read_is_told_of_before_anything_is_made(tmp_path):
    (tmp_path / "scenes.yaml").write_text("train: [")
    with pytest.raises(UserError, match="mend or remove it"):
        made(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["scenes.yaml"]


def test_one_kind_may_be_chosen(tmp_path):
    assert made(tmp_path, kind="tabletop", scenes=2, test_share=0.0)["train"] == [
        *("tabletop_000000", "tabletop_000001")
    ]


def test_options_reach_the_scene(tmp_path):
    made(tmp_path, trajectory="walk", views=7, width=40, points=20, seed=11)
    content = json.loads((tmp_path / "tabletop_000011" / "annotations.json").read_text())
    plan = content["plan"]
    assert (plan["trajectory"], plan["views"], plan["width"]) == ("walk", 7, 40)
    assert len(list((tmp_path / "tabletop_000011" / "images").iterdir())) == 7


def test_the_end_says_where_the_scenes_are_and_how_fast_they_were_made(tmp_path, capsys):
    made(tmp_path)
    said = " ".join(capsys.readouterr().out.split())
    assert "1 scene in" in said
    assert "scenes.yaml" in said.replace(" ", "")  # a long path is broken over lines
    assert re.search(r"\d+\.\d\d megapixels per second and core", said)
    made(tmp_path)  # all are there: nothing was measured
    assert "megapixels" not in capsys.readouterr().out


def test_other_options_in_the_same_folder_are_refused(tmp_path):
    made(tmp_path)
    with pytest.raises(UserError, match="room_000000 was made with other options"):
        made(tmp_path, views=6)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"scenes": 0}, "--scenes is 0, it must be 1 or more"),
        ({"seed": -1}, "--seed is -1, it must be 0 or more"),
        ({"near_duplicates": -1}, "--near-duplicates is -1, it must be 0 or more"),
        ({"kind": "thing", "near_duplicates": 1}, "leave --near-duplicates out"),
        ({"views": 4}, "--views is 4, it must be 5 or more"),
        ({"width": 15}, "--width is 15, it must be 16 or more"),
        ({"height": 0}, "--height is 0, it must be 16 or more"),
        ({"points": -5}, "--points is -5, it must be 0 or more"),
        ({"workers": -1}, "--workers is -1, it must be 0 or more"),
        ({"test_share": 1.5}, r"--test-share is 1\.5, it must lie in \[0, 1\]"),
        ({"test_share": float("nan")}, r"--test-share is nan, it must lie in \[0, 1\]"),
    ],
)
def test_an_impossible_option_is_refused_before_anything_is_written(tmp_path, options, sentence):
    with pytest.raises(UserError, match=sentence):
        made(tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_so_in_one_sentence():
    program = [
        sys.executable,
        "-c",
        "from condense_ns.commands.main import entrypoint; entrypoint()",
    ]
    ended = subprocess.run(
        [*program, "synth", "--views", "1"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr == "error: --views is 1, it must be 5 or more\n"
