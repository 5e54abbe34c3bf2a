"""S3DIS rooms in their own format, written here in small."""

import pytest

from condense_ns.downstream.s3dis import CLASSES, read_room, read_s3dis
from condense_ns.errors import UserError

FLOOR = "0.0 0.0 0.0 255 0 51\n1.0 2.0 0.0 0 255 0\n"


@pytest.fixture
def folder(tmp_path):
    for area, room in ((1, "office_1"), (1, "office_2"), (5, "hallway_6")):
        place = tmp_path / f"Area_{area}" / room / "Annotations"
        place.mkdir(parents=True)
        (place / "floor_1.txt").write_text(FLOOR)
        (place / "chair_2.txt").write_text("0.5 0.5 0.5 10 20 30\n")
        (place / "stairs_1.txt").write_text("0.1 0.2 0.3 1 2 3\n")
    return tmp_path


def test_one_area_is_asked_for_and_the_others_are_learned_from(folder):
    data = read_s3dis(folder)
    assert (data.name, len(data.train), len(data.test)) == ("s3dis area 5", 2, 1)
    assert len(data.class_names) == 13
    assert len(read_s3dis(folder, "1").test) == 2


def test_points_have_the_class_of_their_file(folder):
    room = read_s3dis(folder).test[0]
    names = ["chair", "floor", "floor", "clutter"]  # stairs are no class
    assert room.labels is not None
    assert room.labels.tolist() == [CLASSES.index(name) for name in names]
    assert room.cloud.positions[2].tolist() == [1, 2, 0]
    assert room.viewpoints is not None
    assert room.viewpoints.tolist() == [[0.5, 0.5, 1.5], [0.5, 1.5, 1.5]]
    assert room.cloud.colours is not None
    assert room.cloud.colours[1].tolist() == pytest.approx([1, 0, 0.2])


def test_the_known_slip_of_the_data_set_is_passed_over(folder):
    path = folder / "Area_5" / "hallway_6" / "Annotations" / "floor_1.txt"
    path.write_bytes(b"0.0 0.0 0.0 255 0 5\x101\n")
    room = read_s3dis(folder).test[0]
    assert room.cloud.colours is not None
    assert room.cloud.colours[1].tolist() == pytest.approx([1, 0, 0.2])


@pytest.mark.parametrize(("area", "told"), [("7", "no area '7'"), ("3", "no rooms .* of Area_3")])
def test_areas_that_are_not_there_are_told(folder, area, told):
    with pytest.raises(UserError, match=told):
        read_s3dis(folder, area)


def test_one_area_alone_is_not_enough(folder):
    for room in (folder / "Area_1").iterdir():
        (room / "Annotations").rename(room / "Other")
    with pytest.raises(UserError, match="holds no rooms <room>/Annotations of any area but Area_5"):
        read_s3dis(folder)


def test_a_room_without_annotations_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"has no files in Annotations; fill in the form"):
        read_room(tmp_path)
