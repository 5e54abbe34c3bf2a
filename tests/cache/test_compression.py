"""Principal components against numpy, and a file that is whole or absent."""

import errno
import os

import numpy as np
import pytest
import torch

from condense_ns.cache.compression import PcaBasis, fit_pca, load_basis, save_basis
from condense_ns.cache.store_error import StoreError


@pytest.fixture
def maps():
    """Three maps of different sizes, five correlated channels far from zero."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(5, 5, generator=generator)
    sizes = [(4, 6), (3, 3), (7, 2)]
    return [torch.randn(*size, 5, generator=generator) @ mixing + 100 for size in sizes]


def test_points_on_a_line_need_one_component():
    direction = torch.tensor([3.0, -4.0]) / 5
    line = torch.tensor([-2.0, 0.0, 2.0])[None, :, None] * direction + torch.tensor([1.0, 1.0])
    basis = fit_pca([line], 1)
    assert torch.allclose(basis.mean, torch.tensor([1.0, 1.0]))
    assert torch.allclose(basis.basis[:, 0], -direction)  # the largest entry is positive
    assert torch.allclose(basis.explained_variance, torch.tensor([8.0 / 3]))
    assert basis.explained_share == pytest.approx(1.0)
    assert torch.allclose(basis.project(line)[0, :, 0], torch.tensor([2.0, 0.0, -2.0]), atol=1e-6)
    assert torch.allclose(basis.reconstruct(basis.project(line)), line, atol=1e-6)


@pytest.mark.parametrize("components", [1, 3, 5])
def test_basis_agrees_with_numpy_svd(maps, components):
    basis = fit_pca(maps, components)
    cells = torch.cat([part.flatten(0, 1) for part in maps]).double().numpy()
    centred = cells - cells.mean(axis=0)
    _, singular, rows = np.linalg.svd(centred, full_matrices=False)
    variances = singular**2 / len(cells)
    expected = rows[:components].T
    expected *= np.sign(expected[np.abs(expected).argmax(axis=0), range(components)])
    np.testing.assert_allclose(basis.mean, cells.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(basis.basis, expected, atol=1e-5)
    np.testing.assert_allclose(basis.explained_variance, variances[:components], rtol=1e-5)
    share = variances[:components].sum() / variances.sum()
    assert basis.explained_share == pytest.approx(share, rel=1e-5)
    rebuilt = basis.reconstruct(basis.project(torch.from_numpy(cells).float()))
    best = centred @ expected @ expected.T + cells.mean(axis=0)
    np.testing.assert_allclose(rebuilt, best, atol=1e-3)


def test_order_of_maps_does_not_matter_and_maps_are_looked_at_once(maps):
    forwards, backwards = fit_pca(iter(maps), 3), fit_pca(iter(maps[::-1]), 3)
    assert torch.allclose(forwards.basis, backwards.basis, atol=1e-5)


def test_constant_features_are_kept_exactly():
    constant = torch.full((3, 4, 6), 7.0)
    basis = fit_pca([constant], 2)
    assert torch.allclose(basis.basis.T @ basis.basis, torch.eye(2), atol=1e-6)
    assert torch.equal(basis.reconstruct(basis.project(constant)), constant)


@pytest.mark.parametrize("components", [0, -1, 6])
def test_components_beyond_the_channels_are_refused(maps, components):
    with pytest.raises(StoreError, match=rf"components is {components}.*choose 1 to 5"):
        fit_pca(maps, components)


def test_a_fit_without_maps_is_refused():
    with pytest.raises(StoreError, match="without feature maps"):
        fit_pca([], 1)


def test_basis_survives_the_disk(maps, tmp_path):
    basis = fit_pca(maps, 2)
    file = tmp_path / "basis.safetensors"
    save_basis(basis, file)
    loaded = load_basis(file)
    for name, tensor in vars(basis).items():
        assert torch.equal(getattr(loaded, name), tensor)
    assert isinstance(loaded, PcaBasis)
    assert [path.name for path in tmp_path.iterdir()] == ["basis.safetensors"]


def test_a_save_that_fails_leaves_the_old_basis(maps, tmp_path, monkeypatch):
    file = tmp_path / "basis.safetensors"
    save_basis(fit_pca(maps, 2), file)
    old = file.read_bytes()

    def fail(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("condense_ns.cache.compression.os.fsync", fail)
    with pytest.raises(StoreError, match=r"basis\.safetensors cannot be written: No space left"):
        save_basis(fit_pca(maps, 3), file)
    assert file.read_bytes() == old


def test_a_missing_or_damaged_basis_is_told_with_its_remedy(maps, tmp_path):
    file = tmp_path / "basis.safetensors"
    with pytest.raises(StoreError, match=r"missing or damaged.*delete the folder"):
        load_basis(file)
    save_basis(fit_pca(maps, 2), file)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(StoreError, match=r"missing or damaged.*delete the folder"):
        load_basis(file)
