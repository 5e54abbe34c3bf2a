"""ShapeNetPart in its own format, written here in small."""

import json

import numpy as np
import pytest

from condense_ns.downstream.prepared_cloud import Preparation, prepared
from condense_ns.downstream.shapenet_part import PARTS_OF, read_shapenet_part
from condense_ns.errors import UserError

SYNSETS = {"Airplane": "02691156", "Mug": "03797390"}
SPLITS = {"train": ["a1", "m1"], "val": ["a2"], "test": ["m2"]}


def write_shape(folder, shape, parts=None):
    category = "Airplane" if shape.startswith("a") else "Mug"
    rng = np.random.default_rng(len(shape))
    table = rng.normal(size=(12, 7))
    table[:, 6] = rng.choice(PARTS_OF[category] if parts is None else parts, 12)
    place = folder / SYNSETS[category]
    place.mkdir(exist_ok=True)
    np.savetxt(place / f"{shape}.txt", table, fmt="%.6f")
    return table


@pytest.fixture
def folder(tmp_path):
    lines = [f"{name}\t{synset}" for name, synset in SYNSETS.items()]
    (tmp_path / "synsetoffset2category.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "train_test_split").mkdir()
    for split, shapes in SPLITS.items():
        listed = []
        for shape in shapes:
            write_shape(tmp_path, shape)
            synset = SYNSETS["Airplane" if shape.startswith("a") else "Mug"]
            listed.append(f"shape_data/{synset}/{shape}")
        path = tmp_path / "train_test_split" / f"shuffled_{split}_file_list.json"
        path.write_text(json.dumps(listed))
    return tmp_path


def test_there_are_16_categories_of_50_parts():
    assert len(PARTS_OF) == 16
    assert sorted(sum(PARTS_OF.values(), ())) == list(range(50))


def test_training_and_validation_shapes_are_learned_from(folder):
    data = read_shapenet_part(folder)
    names = list(PARTS_OF)
    assert data.train.categories == [0, names.index("Mug"), 0]
    assert data.test.categories == [names.index("Mug")]
    assert data.class_names[36] == "Mug: 0"
    table = write_shape(folder, "m2")
    found = data.test[0]
    assert found.labels is not None
    assert found.labels.tolist() == table[:, 6].tolist()
    assert found.cloud.positions.numpy() == pytest.approx(
        table[:, [0, 2, 1]] * [1, -1, 1], abs=1e-5
    )
    assert found.cloud.normals is not None


def test_parts_of_another_category_are_told(folder):
    write_shape(folder, "m2", parts=(0, 36))
    data = read_shapenet_part(folder)
    with pytest.raises(UserError, match="is a Mug, but has points of part Airplane: 0"):
        prepared(data.test[0], data, Preparation())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("0 0 0 0 0 1 36 5", r"holds 92 numbers in 13 lines, not 7 in each"),
        ("0 0 0 0 0 x 36", r"cannot be read as a table of numbers"),
    ],
)
def test_a_damaged_table_is_named(folder, line, told):
    write_shape(folder, "m2")
    path = folder / SYNSETS["Mug"] / "m2.txt"
    path.write_text(path.read_text() + line)
    with pytest.raises(UserError, match=f"m2.txt {told}"):
        read_shapenet_part(folder).test[0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("synsetoffset2category.txt", "Ship\t123\n"),
        ("synsetoffset2category.txt", "Airplane\n"),
        ("train_test_split/shuffled_test_file_list.json", "{"),
        ("train_test_split/shuffled_val_file_list.json", None),
    ],
)
def test_wrong_lists_are_named(folder, name, content):
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(UserError, match=f"{name.split('/')[-1]} cannot be read as a list"):
        read_shapenet_part(folder)


def test_a_split_of_unknown_synsets_is_refused(folder):
    (folder / "train_test_split" / "shuffled_test_file_list.json").write_text('["x/999/a"]')
    with pytest.raises(UserError, match="lists shapes of 999, which has no category"):
        read_shapenet_part(folder)


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        (["x/02691156/a1"], "lists 02691156/a1 for training and for testing"),
        (["x/02691156/a9"], "lists 02691156/a9, but .*a9.txt is not there"),
        ([], "shapenetpart has no test clouds"),
    ],
)
def test_lists_that_do_not_fit_are_told(folder, listed, told):
    path = folder / "train_test_split" / "shuffled_test_file_list.json"
    path.write_text(json.dumps(listed))
    with pytest.raises(UserError, match=told):
        read_shapenet_part(folder)
