"""`condense features`: per-point features of a point cloud, a scene never trained on, or a trained run."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condense_ns.errors import UserError
from condense_ns.whole_files import check_output_file, refuse_to_overwrite

if TYPE_CHECKING:
    from condense_ns.pipelines.point_features import FeatureGiver, PointFeatures


@dataclass
class Features:
    """Let a pre-trained 3D backbone say what an encoder would say of points.

    Give a point cloud (PLY, NPZ, LAS); or a scene with depth images or points, or a trained run, whose voxels'
    centres then are the points. Writes an NPZ file with xyz, features (half precision) and known (0 where too
    little is around a point), and beside it a PLY file in the features' colours.
    """

    backbone: Path = Path("shipped")
    """What condense export backbone wrote; "shipped" is the one for mini that comes with the package."""
    points: Path | None = None
    """Point cloud; colours and normals are used if it has them."""
    scene: Path | None = None
    """Folder of a scene, of any kind that nerfstudio reads; points are in its own coordinates."""
    load_config: Path | None = None
    """Config.yml of a run of nerfacto, condense-dense or condense-sparse, whose density and colour fill voxels
    where its cameras see them; points are in the dataset's own coordinates."""
    output_path: Path = Path("features.npz")
    """The file."""
    encoder: str | None = None
    """Whose features are predicted, among those that the backbone was trained with; None is the first one,
    latent the backbone's own numbers."""
    voxel_size: float | None = None
    """Of a point cloud, in its units; None chooses it so that voxels hold about four points."""
    inside: bool = False
    """The point cloud was taken from within, as of a room: normals that it lacks are estimated towards its
    middle, and not away from it."""
    most_voxels: int = 200_000
    """The resolution is halved until there are no more."""
    image_size: int = 256
    """Longest side in pixels at which a scene's depth images are read."""
    device: str = "cpu"
    """Where to compute, e.g. cuda."""

    def main(self) -> None:
        """Check, predict, write."""
        self._check()
        from rich.console import Console

        from condense_ns.export.feature_points import write_feature_points
        from condense_ns.fields.backbone_file import load_backbone
        from condense_ns.pipelines.point_features import FeatureGiver

        saved = load_backbone(self.backbone)
        encoder = self.encoder or next(iter(saved.decoders.channels))
        giver = FeatureGiver(saved, encoder, self.most_voxels, self.device)
        found = self._found(giver)
        known = ("known", found.known.int())
        write_feature_points(self.output_path, found.xyz, found.features, found.colours, known)
        Console(highlight=False).print(
            f"{len(found.xyz):,} points, {float(found.known.float().mean()):.1%} of them known, "
            f"{found.features.shape[1]} channels of {encoder}: {self.output_path}",
            soft_wrap=True,
        )

    def _found(self, giver: "FeatureGiver") -> "PointFeatures":
        if self.points is not None:
            from condense_ns.export.cloud_file import read_cloud

            cloud = read_cloud(self.points)
            return giver.of_cloud(cloud, self.voxel_size, str(self.points), self.inside)
        if self.load_config is not None:
            from condense_ns.pipelines.loaded_run import load_radiance_run

            return giver.of_run(load_radiance_run(self.load_config))
        from condense_ns.pipelines.scene_lifting import open_scene

        assert self.scene is not None
        return giver.of_scene(open_scene(self.scene, self.image_size))

    def _check(self) -> None:
        from condense_ns.encoders import check_device

        check_device(self.device)
        sources = (self.points, self.scene, self.load_config)
        if sum(source is not None for source in sources) != 1:
            raise UserError("give one of --points, --scene and --load-config")
        if self.inside and self.points is None:
            raise UserError("--inside is for --points; a scene's cameras tell, leave it out")
        if self.voxel_size is not None and self.points is None:
            raise UserError("--voxel-size is for --points; give --most-voxels in its place")
        if self.output_path.suffix != ".npz":
            raise UserError(f"--output-path is {self.output_path}; its name must end in .npz")
        both = (self.output_path, self.output_path.with_suffix(".ply"))
        for written in both:
            check_output_file(written)
        if self.points is not None:
            refuse_to_overwrite(self.points, both)
        self._check_sizes()

    def _check_sizes(self) -> None:
        if self.voxel_size is not None and not self.voxel_size > 0:
            raise UserError(f"--voxel-size is {self.voxel_size}, it must be above 0")
        for name, least in (("most_voxels", 1), ("image_size", 32)):
            if getattr(self, name) < least:
                option = name.replace("_", "-")
                raise UserError(f"--{option} is {getattr(self, name)}; it must be {least} or more")
