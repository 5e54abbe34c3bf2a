"""A cube of voxels seen from around, with features of two made-up encoders."""

import torch

from condense_ns.data.feature_statistics import feature_statistics
from condense_ns.fields.octree_backbone import LEVELS
from condense_ns.fields.voxel_pyramid import voxel_pyramid
from condense_ns.pretraining.joint_network import JointNetwork
from condense_ns.pretraining.pair_landings import pair_landings
from condense_ns.pretraining.pretrain_example import CaptionedCells, PretrainExample
from condense_ns.pretraining.seen_cells import SeenCells, seen_cells, stacked_cells
from condense_ns.volumes.sparse_volume import SparseVolume
from tests.geometry.looking import around
from tests.volumes.made_up_volumes import volume_of

CUBE = torch.cartesian_prod(*[torch.arange(-3, 4)] * 3)
VIEWS = around([0.0, 20.0, 40.0])
GRIDS, CHANNELS = {"fine": (9, 12), "coarse": (6, 8)}, {"fine": 5, "coarse": 3}


def cube(seed: int = 0) -> SparseVolume:
    """Opaque, in random colours."""
    generator = torch.Generator().manual_seed(seed)
    volume = volume_of(CUBE.tolist(), 0.3, (-0.15, -0.15, -0.15), density=[100.0] * len(CUBE))
    volume.colour.copy_(torch.rand(len(volume), 3, generator=generator))
    return volume


def seen(volume: SparseVolume, rows: int, columns: int) -> SeenCells:
    """By all views."""
    return stacked_cells(
        [seen_cells(volume, VIEWS[[view]], rows, columns) for view in range(len(VIEWS))]
    )


def example(seed: int = 0) -> PretrainExample:
    """Features are a fixed function of the colours that are seen, and a view's own noise."""
    generator = torch.Generator().manual_seed(seed)
    volume, features, cells = cube(seed), {}, {}
    for spec, (rows, columns) in GRIDS.items():
        cells[spec] = seen(volume, rows, columns)
        mixing = torch.randn(3, CHANNELS[spec], generator=torch.Generator().manual_seed(3))
        maps = (cells[spec].composite(volume.colour) @ mixing).unflatten(1, (rows, columns))
        features[spec] = maps + 0.3 * torch.randn(maps.shape, generator=generator)
    words = CaptionedCells(
        thing=torch.where(cells["fine"].visible, 0, -1),
        caption=torch.tensor([1]),
        embeddings=torch.eye(5)[:3],
        sharpness=10.0,
    )
    return PretrainExample(
        scene="cube",
        numbers=(0, 1, 2),
        target=VIEWS,
        volume=volume,
        pyramid=voxel_pyramid([volume.voxel_indices], LEVELS),
        seen=cells,
        features=features,
        landings={spec: pair_landings(one, VIEWS) for spec, one in cells.items()},
        priors=torch.randn(3, *GRIDS["fine"], generator=generator),
        captions={"fine": words},
    )


def network(seed: int = 0) -> JointNetwork:
    """Small, with the statistics of the first example."""
    torch.manual_seed(seed)
    made = JointNetwork(CHANNELS, latent_dim=16, decoder_hidden_dim=16, refiner_width=16)
    for spec, maps in example().features.items():
        known = feature_statistics(maps.flatten(0, 2), "00")
        made.decoders.of_encoder(spec).remember(known)
    return made
