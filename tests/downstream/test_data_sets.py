"""Names of data sets on the command line."""

import os
from pathlib import Path

import pytest

from condense_ns.downstream.data_sets import DATA_SETS, task_data
from condense_ns.errors import UserError


def test_sizes_of_the_made_up_set_can_be_given():
    data = task_data("synthetic?train_rooms=3&test_rooms=1&room_points=500", "segment")
    assert (len(data.train), len(data.test)) == (3, 1)
    assert len(data.test[0].cloud) == 500


def write_rooms(folder: Path) -> Path:
    """Two areas of S3DIS, with a room of one point each."""
    for area in (1, 5):
        place = folder / f"Area_{area}" / "office_1" / "Annotations"
        place.mkdir(parents=True)
        (place / "floor_1.txt").write_text("0 0 0 255 0 51\n")
    return folder


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("synthetic?rooms=3", "synthetic has no option rooms; leave it out"),
        ("synthetic?train_rooms=0", "train_rooms of the synthetic set is '0'"),
        ("synthetic?train_rooms=few", "give a number of 1 or more"),
        ("modelnet:x", "there is no data set 'modelnet'; use one of synthetic, modelnet10_voxels:"),
    ],
)
def test_what_is_not_known_is_told(spec, told):
    with pytest.raises(UserError, match=told):
        task_data(spec, "segment")


@pytest.mark.parametrize("name", DATA_SETS)
def test_a_missing_folder_says_where_to_get_it(name, tmp_path):
    known = DATA_SETS[name]
    for spec in (name, f"{name}:{tmp_path / 'nowhere'}"):
        with pytest.raises(UserError) as caught:
            task_data(spec, known.tasks[0])
        assert known.where in str(caught.value)
        assert f"--data {name}:<folder>" in str(caught.value)


@pytest.mark.parametrize("name", DATA_SETS)
def test_tasks_that_a_set_has_no_labels_for_are_refused(name, tmp_path):
    others = {"classify", "parts", "segment", "detect"} - set(DATA_SETS[name].tasks)
    for task in others:
        with pytest.raises(UserError, match=f"{name} is for --task"):
            task_data(f"{name}:{tmp_path}", task)  # type: ignore[arg-type]


def test_folders_of_one_kind_are_told_apart_and_made_up_clouds_need_no_source(tmp_path):
    assert task_data("synthetic?train_rooms=1&test_rooms=1", "segment").source == ""
    sources = set()
    for name in ("first", "second"):
        folder = write_rooms(tmp_path / name)
        (folder / "list.txt").write_text("one")
        sources.add(task_data(f"s3dis:{folder}", "segment").source)
        assert task_data(f"s3dis:{folder}", "segment").source in sources
        (folder / "list.txt").write_text("another")
        sources.add(task_data(f"s3dis:{folder}?area=5", "segment").source)
    assert len(sources) == 4


def source(folder: Path) -> str:
    return task_data(f"s3dis:{folder}", "segment").source


def test_a_file_that_was_changed_anywhere_below_the_folder_is_noticed(tmp_path):
    folder = write_rooms(tmp_path / "rooms")
    known, file = [source(folder)], folder / "Area_5" / "office_1" / "Annotations" / "floor_1.txt"
    file.write_text("0 0 0 255 0 51\n1 0 0 255 0 51\n")
    known.append(source(folder))
    os.utime(file, (1, 1))  # of the same size
    known.append(source(folder))
    file.rename(file.with_name("wall_1.txt"))
    known.append(source(folder))
    (folder / "Area_1" / "office_1" / "Annotations" / "wall_\u00e9 1.txt").write_text("0 0 1 9 9 9")
    known.append(source(folder))
    elsewhere = tmp_path / "elsewhere"
    (folder / "Area_5").rename(elsewhere)
    (folder / "Area_5").symlink_to(elsewhere, target_is_directory=True)
    linked = source(folder)
    (elsewhere / "office_1" / "Annotations" / "beam_1.txt").write_text("0 0 1 9 9 9")
    known.append(source(folder))
    assert len({*known, linked}) == len(known)  # to be linked changes nothing


def test_runs_below_the_data_and_links_in_a_circle_change_nothing(tmp_path):
    folder = write_rooms(tmp_path / "rooms")
    before = source(folder)
    run = folder / "downstream" / "segment-s3dis"
    run.mkdir(parents=True)
    (run / "checkpoint.safetensors").touch()
    (run / "events.out").touch()
    (folder / "Area_1" / "up").symlink_to(folder, target_is_directory=True)
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "file").touch()
    assert source(folder) == before
