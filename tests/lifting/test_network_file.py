"""Weights on disk: they come back, or one sentence says what is wrong with them."""

import re

import pytest
import torch
from safetensors.torch import save_file

from condense_ns.errors import UserError
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.lifting.network_file import FORMAT, SHIPPED, load_network, save_network

LARGEST_FILE = 10 << 20
"""Bytes of what comes with the package."""


@pytest.fixture(scope="module")
def network() -> LiftingNetwork:
    torch.manual_seed(0)
    return LiftingNetwork(planes=20, samples=3)


def written(network, path, **metadata):
    """A file with other metadata than `save_network` writes."""
    about = {"format": FORMAT, "planes": "20", "samples": "3"} | metadata
    save_file(dict(network.state_dict()), path, metadata=about)
    return path


def test_weights_and_sizes_come_back(network, tmp_path):
    save_network(network, tmp_path / "new folder" / "lift.safetensors")
    found = load_network(tmp_path / "new folder" / "lift.safetensors")
    assert (found.planes, found.samples) == (20, 3)
    assert not found.training
    theirs = network.state_dict()
    assert found.state_dict().keys() == theirs.keys()
    assert all(torch.equal(value, theirs[name]) for name, value in found.state_dict().items())
    assert [file.name for file in (tmp_path / "new folder").iterdir()] == ["lift.safetensors"]


def test_the_older_file_stays_until_the_new_one_is_whole(network, tmp_path):
    path = tmp_path / "lift.safetensors"
    save_network(network, path)
    save_network(LiftingNetwork(planes=9, samples=2), path)
    assert load_network(path).planes == 9


def test_the_file_is_small(network, tmp_path):
    save_network(network, tmp_path / "lift.safetensors")
    assert (tmp_path / "lift.safetensors").stat().st_size < LARGEST_FILE


def test_the_package_comes_with_weights():
    network = load_network()
    assert all(value.isfinite().all() for value in network.state_dict().values())
    assert not network.training
    assert SHIPPED.stat().st_size < LARGEST_FILE


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match=r"none.safetensors cannot be read as weights of lift3d"):
        load_network(tmp_path / "none.safetensors")


@pytest.mark.parametrize("damage", ["text", "torn", "empty"])
def test_a_damaged_file_is_told(network, tmp_path, damage):
    path = tmp_path / "lift.safetensors"
    save_network(network, path)
    content = path.read_bytes()
    path.write_bytes({"text": b"words " * 50, "torn": content[:-9], "empty": b""}[damage])
    with pytest.raises(UserError, match="cannot be read as weights of lift3d"):
        load_network(path)


@pytest.mark.parametrize("metadata", [{"format": "condense_ns lift3d 0"}, None])
def test_another_format_is_told(network, tmp_path, metadata):
    path = tmp_path / "lift.safetensors"
    if metadata is None:
        save_file(dict(network.state_dict()), path)
    else:
        written(network, path, **metadata)
    sentence = re.escape(f"{path} does not hold weights of lift3d (format ")
    with pytest.raises(UserError, match=f"^{sentence}.*config.yml"):
        load_network(path)


@pytest.mark.parametrize("metadata", [{"planes": "many"}, {"samples": ""}])
def test_sizes_that_are_no_numbers_are_told(network, tmp_path, metadata):
    path = written(network, tmp_path / "lift.safetensors", **metadata)
    with pytest.raises(UserError, match=r"cannot be read as weights of lift3d \(invalid literal"):
        load_network(path)


def test_weights_of_something_else_are_told(tmp_path):
    path = tmp_path / "lift.safetensors"
    about = {"format": FORMAT, "planes": "20", "samples": "3"}
    save_file({"weight": torch.ones(3)}, path, metadata=about)
    with pytest.raises(UserError, match=r"as weights of lift3d \(Error\(s\) in loading state_dict"):
        load_network(path)


def test_missing_sizes_are_told(network, tmp_path):
    path = tmp_path / "lift.safetensors"
    save_file(dict(network.state_dict()), path, metadata={"format": FORMAT})
    with pytest.raises(UserError, match=r"as weights of lift3d \('planes'\)"):
        load_network(path)
