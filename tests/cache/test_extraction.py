"""Only what is missing is encoded, and what cannot be encoded is told."""

import shutil
from collections import namedtuple
from threading import Barrier

import numpy as np
import pytest
import torch
from PIL import Image

from condense_ns.cache.compression import fit_pca, save_basis
from condense_ns.cache.extraction import ImageSource, extract
from condense_ns.cache.store_error import StoreError
from condense_ns.encoders.base import ImageEncoder

CHANNELS, PATCH = 6, 4


class FakeEncoder(ImageEncoder):
    """Mean colours of patches, and their squares; counts what it is asked for."""

    spec, channels, patch_size, device = "fake", CHANNELS, PATCH, "cpu"

    def __init__(self, fingerprint="ab" * 32):
        self.fingerprint = fingerprint
        self.calls = 0
        self.fail_at = -1

    def grid_size(self, height, width):
        return height // PATCH, width // PATCH

    def encode(self, images):
        if self.calls == self.fail_at:
            raise RuntimeError("out of memory")
        self.calls += 1
        means = torch.nn.functional.avg_pool2d(images, PATCH).permute(0, 2, 3, 1)
        return torch.cat([means, means * means], dim=-1)


class ConcurrentEncoder(FakeEncoder):
    """Answers only while another image is encoded, too."""

    concurrent = True

    def __init__(self):
        super().__init__()
        self._both = Barrier(2, timeout=20.0)

    def encode(self, images):
        self._both.wait()
        return super().encode(images)


class CroppedEncoder(FakeEncoder):
    """Answers a row less than it promised."""

    def encode(self, images):
        return super().encode(images)[:, 1:]


class NanEncoder(FakeEncoder):
    """Answers what no store can hold."""

    def encode(self, images):
        return super().encode(images) * float("nan")


def load(path):
    with Image.open(path) as image:
        return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255).permute(2, 0, 1)


def write_image(path, seed, height=16, width=24):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return ImageSource(path, height, width, lambda: load(path))


@pytest.fixture
def sources(tmp_path):
    """Four images, one of another size."""
    folder = tmp_path / "images"
    folder.mkdir()
    images = [write_image(folder / f"{number}.png", number) for number in range(3)]
    return [*images, write_image(folder / "3.png", 3, 40, 8)]


@pytest.fixture
def root(tmp_path):
    return tmp_path / "features"


def printed(capsys):
    """What was printed, without the line breaks of a narrow terminal."""
    return " ".join(capsys.readouterr().out.split())


def assert_maps_are_right(maps, sources):
    for number, source in enumerate(sources):
        expected = FakeEncoder().encode(source.load()[None])[0]
        assert torch.allclose(maps.map(number), expected, atol=1e-3)


def test_maps_come_in_the_order_of_the_images(sources, root):
    encoder = FakeEncoder()
    maps = extract(encoder, sources, root, "room")
    assert encoder.calls == len(maps) == 4
    assert_maps_are_right(maps, sources)


def test_two_images_are_encoded_at_once_where_the_encoder_bears_it(sources, root):
    assert_maps_are_right(extract(ConcurrentEncoder(), sources, root, "room"), sources)


def test_only_missing_images_are_encoded(sources, root):
    extract(FakeEncoder(), sources[:2], root, "room")
    encoder = FakeEncoder()
    maps = extract(encoder, sources[::-1], root, "room")
    assert encoder.calls == 2
    assert_maps_are_right(maps, sources[::-1])
    extract(encoder, sources, root, "room")
    assert encoder.calls == 2


def test_images_of_equal_content_are_encoded_once(sources, root):
    twin = shutil.copy(sources[0].path, sources[0].path.with_name("twin.png"))
    doubled = [*sources, ImageSource(twin, 16, 24, lambda: load(twin))]
    encoder = FakeEncoder()
    maps = extract(encoder, doubled, root, "room")
    assert (encoder.calls, len(maps)) == (4, 5)
    assert_maps_are_right(maps, doubled)


def test_changed_content_a_variant_or_another_encoder_is_encoded_anew(sources, root):
    encoder = FakeEncoder()
    extract(encoder, sources, root, "room")
    write_image(sources[1].path, seed=99)
    assert_maps_are_right(extract(encoder, sources, root, "room"), sources)
    assert encoder.calls == 5
    white = ImageSource(sources[0].path, 16, 24, sources[0].load, "background=white")
    extract(encoder, [white], root, "room")
    assert encoder.calls == 6
    other = FakeEncoder("cd" * 32)
    extract(other, sources, root, "room")
    assert other.calls == 4


@pytest.mark.parametrize("components", [None, CHANNELS])
def test_a_renamed_scene_keeps_its_features(sources, root, components):
    extract(FakeEncoder(), sources[:2], root, "room", components)
    encoder = FakeEncoder()
    extract(encoder, sources[:2], root, "renamed", components)
    assert encoder.calls == 0


def test_a_compression_of_another_scene_is_refused(sources, root):
    extract(FakeEncoder(), sources[:2], root, "room", 3)
    with pytest.raises(StoreError, match=r"suits the scene room and holds no image of garden; del"):
        extract(FakeEncoder(), sources[2:], root, "garden", 3)
    assert len(extract(FakeEncoder(), sources[2:], root, "room", 3)) == 2
    extract(FakeEncoder(), sources[:2], root, "room")
    assert len(extract(FakeEncoder(), sources[2:], root, "garden")) == 2


def test_an_interrupted_extraction_keeps_its_maps(sources, root):
    encoder = FakeEncoder()
    encoder.fail_at = 2
    with pytest.raises(RuntimeError, match="out of memory"):
        extract(encoder, sources, root, "room")
    encoder.fail_at = -1
    maps = extract(encoder, sources, root, "room")
    assert encoder.calls == 4  # two before, two after
    assert_maps_are_right(maps, sources)


def test_the_cost_is_told_beforehand(sources, root, capsys):
    extract(FakeEncoder(), sources, root, "room")
    told = printed(capsys)
    assert "4 images to encode with fake (6 channels)" in told
    assert "MB on disk in" in told
    assert "MB of memory beside the encoder, about" in told
    extract(FakeEncoder(), sources, root, "room")
    assert "to encode" not in printed(capsys)


def test_a_full_disk_is_told_before_anything_is_encoded(sources, root, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, 1000))
    encoder = FakeEncoder()
    with pytest.raises(StoreError, match="features need"):
        extract(encoder, sources, root, "room")
    assert encoder.calls == 0


@pytest.mark.parametrize("components", [None, 2])
def test_a_corrupt_image_is_named_and_the_others_are_kept(sources, root, components):
    whole = sources[2].path.read_bytes()
    sources[2].path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match=r"2\.png cannot be read .*restore it or drop it"):
        extract(FakeEncoder(), sources, root, "room", components)
    sources[2].path.write_bytes(whole)
    encoder = FakeEncoder()
    extract(encoder, sources, root, "room")
    assert encoder.calls == (2 if components is None else 4)


def test_a_missing_image_is_named(sources, root):
    sources[1].path.unlink()
    with pytest.raises(StoreError, match=r"1\.png cannot be read: No such file"):
        extract(FakeEncoder(), sources, root, "room")


def test_an_image_of_another_size_than_its_camera_is_named(sources, root):
    wrong = ImageSource(sources[0].path, 24, 16, sources[0].load)
    with pytest.raises(StoreError, match=r"0\.png is 24 x 16 pixels but its camera is 16 x 24"):
        extract(FakeEncoder(), [wrong], root, "room")


@pytest.mark.parametrize("components", [None, 2])
@pytest.mark.parametrize(
    ("encoder", "told"),
    [
        (CroppedEncoder(), r"fake answers \(3, 6, 6\) for .*0\.png, expected \(4, 6, 6\)"),
        (NanEncoder(), r"fake answers NaN or infinity for .*0\.png"),
    ],
)
def test_an_encoder_that_answers_nonsense_is_told(sources, root, encoder, told, components):
    with pytest.raises(StoreError, match=told):
        extract(encoder, sources, root, "room", components)


def test_compressed_features_keep_the_width_and_tell_what_is_lost(sources, root, capsys):
    encoder = FakeEncoder()
    maps = extract(encoder, sources, root, "room", components=4)
    assert "4 of 6 components keep 9" in printed(capsys)
    assert encoder.calls == 8  # all four images to fit, and then to store
    expected = encoder.encode(sources[3].load()[None])[0]
    assert maps.map(3).shape == expected.shape
    assert (maps.map(3) - expected).abs().mean() < 0.5 * (expected - expected.mean((0, 1))).std()
    assert_maps_are_right(extract(encoder, sources, root, "room", components=6), sources)


def test_later_images_use_the_basis_of_the_first(sources, root):
    extract(FakeEncoder(), sources[:2], root, "room", components=2)
    (basis,) = root.glob("*/basis.safetensors")
    before, encoder = basis.read_bytes(), FakeEncoder()
    extract(encoder, sources[2:], root, "room", components=2)
    assert encoder.calls == 2
    assert basis.read_bytes() == before


def test_a_lost_basis_is_not_replaced_by_another(sources, root):
    extract(FakeEncoder(), sources[:2], root, "room", components=2)
    (basis,) = root.glob("*/basis.safetensors")
    basis.unlink()
    with pytest.raises(StoreError, match=r"basis\.safetensors is missing or damaged"):
        extract(FakeEncoder(), sources[2:], root, "room", components=2)


def test_of_two_processes_that_fit_a_basis_both_use_the_first(sources, root):
    theirs = fit_pca([FakeEncoder().encode(sources[3].load()[None])[0]], 2)

    class SlowEncoder(FakeEncoder):
        """While it encodes, another process finishes its own basis."""

        def encode(self, images):
            (folder,) = root.iterdir()
            save_basis(theirs, folder / "basis.safetensors")
            return super().encode(images)

    maps = extract(SlowEncoder(), sources, root, "room", components=2)
    expected = theirs.reconstruct(theirs.project(FakeEncoder().encode(sources[0].load()[None])[0]))
    assert torch.allclose(maps.map(0), expected, atol=1e-2)


@pytest.mark.parametrize("components", [0, 7])
def test_components_beyond_the_channels_are_refused_before_encoding(sources, root, components):
    encoder = FakeEncoder()
    with pytest.raises(StoreError, match=rf"components is {components}.*choose 1 to 6"):
        extract(encoder, sources, root, "room", components)
    assert encoder.calls == 0
    assert not root.exists()
