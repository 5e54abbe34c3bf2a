"""Which scenes are for what; every refusal names the entry, the file and the remedy."""

from pathlib import Path

import pytest

from condense_ns.data.scene_list import SceneList, read_scene_list
from condense_ns.data.scene_place import ScenePlace
from condense_ns.errors import UserError


@pytest.fixture
def hall(tmp_path: Path) -> Path:
    """A folder of folders that look like scenes from outside."""
    for number in range(12):
        (tmp_path / f"room{number:02d}").mkdir()
        (tmp_path / f"room{number:02d}" / "transforms.json").write_text("{}")
    (tmp_path / "lego").mkdir()
    (tmp_path / "lego" / "transforms_train.json").write_text("{}")
    (tmp_path / "garden" / "sparse" / "0").mkdir(parents=True)
    (tmp_path / "plain").mkdir()
    return tmp_path


def written(hall: Path, text: str) -> Path:
    file = hall / "list.yaml"
    file.write_text(text)
    return file


def names(places: tuple[ScenePlace, ...]) -> list[str]:
    return [place.name for place in places]


def test_a_list_in_yaml(hall: Path):
    text = """
    train:
      - room00
      - path: lego
        alpha_color: black
    val: [garden]
    test: [{path: room01, dataparser: nerfstudio-data, eval_mode: interval, eval_interval: 4}]
    """
    found = read_scene_list(written(hall, text))
    assert names(found.train) == ["room00", "lego"]
    assert [place.dataparser for place in found.train] == ["nerfstudio-data", "blender-data"]
    assert found.train[1].options == {"alpha_color": "black"}
    assert found.val[0].dataparser == "colmap"
    assert found.test[0].options == {"eval_mode": "interval", "eval_interval": 4}
    assert names(found.all) == ["room00", "lego", "garden", "room01"]


def test_the_list_that_condense_synth_writes(tabletops: Path):
    found = read_scene_list(tabletops)
    assert names(found.train) == ["tabletop_000001", "tabletop_000002"]
    assert found.val == ()
    assert names(found.test) == ["tabletop_000003"]


def test_a_folder_keeps_its_last_tenth_for_validation(hall: Path):
    found = read_scene_list(hall)  # garden, lego, room00 ... room11; plain is no scene
    assert len(found.train) == 13
    assert names(found.val) == ["room11"]
    assert found.test == ()


def test_a_folder_of_two_scenes_keeps_one(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name / "colmap").mkdir(parents=True)
    found = read_scene_list(tmp_path)
    assert (names(found.train), names(found.val)) == (["a"], ["b"])


@pytest.mark.parametrize("given", ["room00", "room00/transforms.json"])
def test_a_single_scene_is_for_training_and_validation(hall: Path, given: str):
    found = read_scene_list(hall / given)
    assert found.train == found.val
    assert names(found.train) == ["room00"]


def test_a_folder_with_one_scene_in_it_is_as_the_scene(tmp_path: Path):
    (tmp_path / "a" / "colmap").mkdir(parents=True)
    assert names(read_scene_list(tmp_path).val) == ["a"]


def test_folders_of_one_name_are_told_apart(hall: Path):
    (hall / "other" / "room00").mkdir(parents=True)
    (hall / "other" / "room00" / "transforms.json").write_text("{}")
    found = read_scene_list(written(hall, "train: [room00, other/room00, room01]"))
    assert names(found.train) == ["room00", "other/room00", "room01"]


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("train: [room00\nval: {", "cannot be read as YAML"),
        ("train: !!python/object/apply:os.getcwd []", "cannot be read as YAML"),
        ("just text", "must have the lists train, val and test"),
        ("train: [room00]\nextra: [room01]", "unknown key extra; it may have train, val, test"),
        ("train: room00", "train in .* is no list"),
        ("train: [7]", "7 is no scene; give a folder"),
        ("train: [{dataparser: colmap}]", "is no scene"),
        ("train: [attic]", "scene attic: there is nothing at .*skip-unreadable-scenes"),
        ("train: [plain]", "scene plain: .* has neither transforms.json"),
        ("train: [room00, ./room00]", "room00 stands twice in train"),
        ("train: [room00]\ntest: [room00]", "room00 .*is for testing and for training"),
        ("val: [room00]\ntest: [room00]", "room00 .*is for testing and for training"),
        ("train: [{path: room00, dataparser: cube}]", "unknown dataparser cube; choose one of"),
        ("train: [{path: room00, size: 3}]", "nerfstudio-data has no option size; choose among"),
        ("train: []", "names no scene that can be used"),
    ],
)
def test_what_is_wrong_with_a_list_is_told(hall: Path, text: str, culprit: str):
    with pytest.raises(UserError, match=culprit):
        read_scene_list(written(hall, text))


def test_a_scene_may_be_for_training_and_validation(hall: Path):
    found = read_scene_list(written(hall, "train: [room00]\nval: [room00]"))
    assert found == SceneList(train=found.train, val=found.train)


def test_missing_scenes_are_left_out_when_asked(hall: Path, capsys: pytest.CaptureFixture[str]):
    file = written(hall, "train: [attic, room00, plain]")
    found = read_scene_list(file, skip_unreadable=True)
    assert names(found.train) == ["room00"]
    told = capsys.readouterr().out
    assert "Skipped: scene attic" in told
    assert "Skipped: scene plain" in told


def test_a_list_of_which_nothing_is_left_is_refused(hall: Path):
    with pytest.raises(UserError, match="names no scene that can be used"):
        read_scene_list(written(hall, "train: [attic]"), skip_unreadable=True)


@pytest.mark.parametrize(
    ("given", "culprit"),
    [
        ("nowhere", "no scenes at"),
        ("plain", "holds no scenes"),
        ("note.txt", "is neither a folder"),
    ],
)
def test_places_without_scenes_are_refused(hall: Path, given: str, culprit: str):
    (hall / "note.txt").write_text("hello")
    with pytest.raises(UserError, match=culprit):
        read_scene_list(hall / given)
    if given != "plain":
        with pytest.raises(UserError, match=r"as --scenes$"):
            read_scene_list(hall / given, option="--scenes")
