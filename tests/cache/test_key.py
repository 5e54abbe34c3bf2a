"""Keys change with everything that changes the numbers, and with nothing else."""

import pytest

from condense_ns.cache import key as key_module
from condense_ns.cache.key import image_key, store_folder_name
from condense_ns.cache.store_error import StoreError


def write(path, content):
    path.write_bytes(content)
    return path


def test_image_key_follows_content_and_variant_but_not_name(tmp_path):
    image = write(tmp_path / "a.png", b"pixels")
    same = write(tmp_path / "other name.jpg", b"pixels")
    changed = write(tmp_path / "b.png", b"pixelz")
    assert image_key(image) == image_key(same)
    keys = {image_key(image), image_key(changed), image_key(image, "white"), image_key(image, "w")}
    assert len(keys) == 4
    assert all(len(key) == 32 and int(key, 16) >= 0 for key in keys)


def test_variant_and_content_cannot_be_mistaken_for_each_other(tmp_path):
    longer, shorter = write(tmp_path / "a", b"xy"), write(tmp_path / "b", b"y")
    assert image_key(longer, "") != image_key(shorter, "x")


def test_image_key_does_not_depend_on_the_size_of_pieces(tmp_path, monkeypatch):
    image = write(tmp_path / "a.png", bytes(range(256)) * 5)
    whole = image_key(image)
    monkeypatch.setattr(key_module, "CHUNK_BYTES", 7)
    assert image_key(image) == whole


def test_unreadable_image_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"missing\.png cannot be read: No such file"):
        image_key(tmp_path / "missing.png")


def test_store_folder_name_is_readable_and_differs_by_encoder_and_compression():
    fingerprint = "0123456789abcdef" * 4
    assert store_folder_name("dinov2-small", fingerprint) == "dinov2-small-0123456789ab"
    assert store_folder_name("dinov2-small", fingerprint, 16) == "dinov2-small-0123456789ab-pca16"
    assert store_folder_name("dinov2-small", "f" * 64) == "dinov2-small-ffffffffffff"


@pytest.mark.parametrize("spec", ["onnx:/a b/../net.onnx#out?input=255", "..", "x" * 400, "日本"])
def test_store_folder_name_is_one_plain_path_component(spec):
    name = store_folder_name(spec, "ab" * 32)
    assert "/" not in name
    assert name.isascii()
    assert not name.startswith("..")
    assert len(name) < 100
