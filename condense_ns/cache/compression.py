"""Features written in fewer numbers: exact principal component analysis.

A feature f [channels] becomes coefficients c = (f - mean) B with orthonormal columns B
[channels components], and is read back as c B^T + mean. The covariance is summed up map by map in
float64, so that memory does not grow with the number of maps.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor

from condense_ns.cache.store_error import StoreError


@dataclass(frozen=True)
class PcaBasis:
    """The most telling directions of a set of features."""

    mean: Float[Tensor, " channels"]
    """Mean feature."""
    basis: Float[Tensor, "channels components"]
    """Orthonormal columns by falling variance; the largest entry of each is positive."""
    explained_variance: Float[Tensor, " components"]
    """Variance along each column."""
    total_variance: Float[Tensor, ""]
    """Variance along all directions together."""

    @property
    def explained_share(self) -> float:
        """Share of the total variance that the columns keep, in [0, 1]."""
        return (self.explained_variance.sum() / self.total_variance.clamp_min(1e-30)).item()

    def project(
        self, features: Float[Tensor, "*cells channels"]
    ) -> Float[Tensor, "*cells components"]:
        """Coefficients of features, on the features' device."""
        device = features.device
        return (features.float() - self.mean.to(device)) @ self.basis.to(device)

    def reconstruct(
        self, coefficients: Float[Tensor, "*cells components"]
    ) -> Float[Tensor, "*cells channels"]:
        """The nearest features that have these coefficients, on the coefficients' device."""
        device = coefficients.device
        return coefficients.float() @ self.basis.to(device).T + self.mean.to(device)


def fit_pca(
    feature_maps: Iterable[Float[Tensor, "_rows _columns channels"]], components: int
) -> PcaBasis:
    """The basis of all cells of the maps, which are looked at once and one at a time.

    Args:
        feature_maps: at least one; they may differ in size.
        components: number of columns, from 1 to the number of channels.

    Raises:
        StoreError: no maps, or a number of components that the channels do not allow.
    """
    count, shift = 0, None
    total = products = torch.zeros((), dtype=torch.float64)
    for feature_map in feature_maps:
        cells = feature_map.flatten(0, 1).double().cpu()
        if shift is None:
            # Any shift gives the same covariance; one near the mean keeps the digits.
            shift = cells.mean(dim=0)
        centred = cells - shift
        count += len(cells)
        total = total + centred.sum(dim=0)
        products = products + centred.T @ centred
    if shift is None:
        raise StoreError("a compression cannot be fitted without feature maps")
    if not 1 <= components <= len(shift):
        raise StoreError(
            f"components is {components}, but features have {len(shift)} channels: "
            f"choose 1 to {len(shift)}"
        )
    offset = total / count
    covariance = products / count - torch.outer(offset, offset)
    variances, directions = torch.linalg.eigh(covariance)  # rising
    basis = _with_fixed_signs(directions.flip(1)[:, :components])
    return PcaBasis(
        mean=(shift + offset).float(),
        basis=basis.float(),
        explained_variance=variances.flip(0)[:components].clamp_min(0).float(),
        total_variance=covariance.trace().float(),
    )


def save_basis(basis: PcaBasis, path: Path) -> None:
    """Write a basis so that `path` never holds half of one, whenever the process is killed.

    Raises:
        StoreError: it cannot be written, e.g. because the disk is full.
    """
    content = safetensors.torch.save(
        {name: tensor.contiguous() for name, tensor in vars(basis).items()}
    )
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise StoreError(
            f"the compression basis {path} cannot be written: {error.strerror or error}; mend that "
            "and run again"
        ) from error


def load_basis(path: Path) -> PcaBasis:
    """Read a basis.

    Raises:
        StoreError: the file is missing or damaged.
    """
    try:
        return PcaBasis(**safetensors.torch.load_file(path))
    except (OSError, SafetensorError, TypeError) as error:
        raise StoreError(
            f"the compression basis {path} is missing or damaged ({error}); "
            f"delete the folder {path.parent} and run again, it will be rebuilt"
        ) from error


def _with_fixed_signs(
    directions: Float[Tensor, "channels components"],
) -> Float[Tensor, "channels components"]:
    """Flip columns so that their largest entry is positive: eigenvectors come with either sign."""
    largest = directions.abs().argmax(dim=0, keepdim=True)
    signs = directions.gather(0, largest).sign()
    return directions * torch.where(signs == 0, 1.0, signs)
