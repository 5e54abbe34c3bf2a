"""Latents of volumes of any size: large ones go through the backbone in pieces.

Cuts lie between voxels of the coarsest level, so that the same voxels are merged as in the whole. What a
voxel sees beyond the margin of its piece is missing, so latents near a cut differ a little from those of the
whole.
"""

from jaxtyping import Float
from torch import Tensor

from condense_ns.downstream.volume_pieces import MOST_VOXELS, in_pieces
from condense_ns.fields.octree_backbone import OctreeBackbone
from condense_ns.volumes.sparse_volume import SparseVolume


def scene_latents(
    backbone: OctreeBackbone, volume: SparseVolume, most_voxels: int = MOST_VOXELS
) -> Float[Tensor, "voxels latent"]:
    """Latents of all voxels, without gradients.

    Args:
        backbone: on the volume's device.
        volume: any.
        most_voxels: those of more go in pieces; pieces of a few coarsest voxels are never cut.
    """
    coarsest = 2 ** (backbone.num_levels - 1)
    return in_pieces(volume, lambda piece, _: backbone([piece])[0], coarsest, most_voxels)
