"""Volumes come back from files as they were; whatever is no volume is refused in one sentence."""

import json
import re
import struct
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from condense_ns.errors import UserError
from condense_ns.volumes.volume_checks import arrays_of
from condense_ns.volumes.volume_file import read_volume, write_volume
from tests.volumes.made_up_volumes import features_of, random_volume


@pytest.fixture
def path(tmp_path):
    write_volume(tmp_path / "new" / "volume.safetensors", random_volume())
    return tmp_path / "new" / "volume.safetensors"


def rewritten(path, arrays=None, **changed):
    """The same file with another header or other arrays."""
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["volume"])
        found = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    save_file(found | (arrays or {}), path, metadata={"volume": json.dumps(about | changed)})


def refused(path, sentence):
    with pytest.raises(UserError, match=rf"^{re.escape(str(path))} {sentence}$"):
        read_volume(path)


@pytest.mark.parametrize("bare", [False, True])
def test_everything_comes_back(tmp_path, bare):
    volume = random_volume()
    if bare:
        volume = replace(volume, features=None, encoder="", provenance={})
    write_volume(tmp_path / "volume.safetensors", volume)
    found = read_volume(tmp_path / "volume.safetensors")
    assert arrays_of(found).keys() == arrays_of(volume).keys()
    for name, array in arrays_of(volume).items():
        assert torch.equal(getattr(found, name), array)
    for name in ("voxel_size", "kind", "encoder", "provenance"):
        assert getattr(found, name) == getattr(volume, name)


def test_features_of_half_precision_stay_so_and_can_be_left_out(path):
    write_volume(path, replace(random_volume(), features=features_of(random_volume()).half()))
    assert features_of(read_volume(path)).dtype == torch.float16
    assert read_volume(path, with_features=False).features is None


def test_equal_volumes_give_equal_bytes_and_nothing_else_is_left(path):
    first = path.read_bytes()
    write_volume(path, random_volume())
    assert path.read_bytes() == first
    assert [file.name for file in path.parent.iterdir()] == ["volume.safetensors"]


def test_arrays_stay_in_the_file_until_they_are_used(tmp_path):
    volume = random_volume(count=2000, across=20)
    features = torch.zeros(len(volume), 8)
    write_volume(tmp_path / "v.safetensors", replace(volume, features=features))
    found = read_volume(tmp_path / "v.safetensors")
    # A copy in memory would outlive a change of the file in place.
    content = bytearray((tmp_path / "v.safetensors").read_bytes())
    length = struct.unpack("<Q", content[:8])[0]
    start = json.loads(content[8 : 8 + length])["features"]["data_offsets"][0] + 8 + length
    with (tmp_path / "v.safetensors").open("r+b") as file:
        file.seek(start)
        file.write(struct.pack("<f", 5.0))
    assert features_of(found)[0, 0] == 5.0


def test_an_unsound_volume_is_not_written(tmp_path):
    with pytest.raises(UserError, match=r"^the volume has a negative density"):
        write_volume(tmp_path / "v", replace(random_volume(), density=-random_volume().density))
    assert not (tmp_path / "v").exists()


def test_what_is_no_file_is_named(tmp_path):
    refused(tmp_path / "none", r"cannot be read as a volume \(.*\); make it anew")
    refused(tmp_path, r"cannot be read as a volume \(.*\); make it anew")


def test_a_file_that_was_cut_off_anywhere_is_refused(path):
    content = path.read_bytes()
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        refused(path, r"cannot be read as a volume \(.*\); make it anew")


def test_a_changed_byte_is_found_or_harmless(path):
    content, generator = path.read_bytes(), torch.Generator().manual_seed(0)
    for at in torch.randint(0, len(content), (300,), generator=generator).tolist():
        changed = bytearray(content)
        changed[at] ^= 0xFF
        path.write_bytes(changed)
        try:
            volume = read_volume(path)
        except UserError as error:
            assert str(path) in str(error)  # noqa: PT017
        else:
            assert len(volume) == len(random_volume())


def test_a_header_that_promises_a_huge_array_is_refused(path):
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    header["density"]["shape"] = [2**50]
    header["density"]["data_offsets"][1] = header["density"]["data_offsets"][0] + 2**52
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
    refused(path, r"cannot be read as a volume \(.*\); make it anew")


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"volume": "{"}, {"volume": "[]"}])
def test_files_of_others_are_refused(path, metadata):
    save_file(arrays_of(random_volume()), path, metadata=metadata)
    refused(path, "is no volume; give one that condense wrote")


def test_another_version_is_refused(path):
    rewritten(path, version=2)
    refused(path, "is a volume of version 2, of which only 1 is known here; make it anew")


@pytest.mark.parametrize(
    "changed",
    [
        {"voxel_size": "1"},
        {"voxel_size": 1},
        {"voxel_size": None},
        {"kind": 3},
        {"encoder": None},
        {"provenance": []},
        {"provenance": {"scene": 3}},
    ],
)
def test_a_damaged_description_is_refused(path, changed):
    rewritten(path, **changed)
    refused(path, "has a damaged description; make the volume anew")


def test_an_unknown_kind_is_refused(path):
    rewritten(path, kind="mesh")
    refused(path, "is of the unknown kind 'mesh'; update condense_ns")


@pytest.mark.parametrize(
    ("arrays", "wrong"),
    [
        ({"density": torch.ones(3)}, r"has density of shape \(3,\) instead of .*"),
        ({"normal": torch.ones(3, 3)}, r"has normal of shape .*"),
        ({"colour": torch.ones(3, 3).double()}, r"has colour of .*"),
        (
            {"origin": torch.full((3,), torch.nan).double()},
            "has numbers that are not finite in origin",
        ),
    ],
)
def test_unsound_arrays_are_refused(path, arrays, wrong):
    rewritten(path, arrays)
    refused(path, f"{wrong}; make it anew")


def test_voxels_in_disorder_are_refused(path):
    rewritten(path, {"voxel_indices": random_volume().voxel_indices.flip(0).contiguous()})
    refused(path, "has voxels that are not sorted; make it anew")
