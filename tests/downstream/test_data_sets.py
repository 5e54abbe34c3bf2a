"""Names of data sets on the command line."""

import pytest

from condense_ns.downstream.data_sets import DATA_SETS, task_data
from condense_ns.errors import UserError


def test_sizes_of_the_made_up_set_can_be_given():
    data = task_data("synthetic?train_rooms=3&test_rooms=1&room_points=500", "segment")
    assert (len(data.train), len(data.test)) == (3, 1)
    assert len(data.test[0].cloud) == 500


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
