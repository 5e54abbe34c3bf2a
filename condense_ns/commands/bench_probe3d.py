"""`condense bench probe3d`: what frozen 3D backbones know of scenes that they never saw, real ones above all."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from condense_ns.commands.backbone_files import backbones_of, check_backbones
from condense_ns.errors import UserError
from condense_ns.whole_files import check_output_file

if TYPE_CHECKING:
    from condense_ns.benchmarks.labelled_voxels import LabelledScene
    from condense_ns.benchmarks.voxel_probe import ProbedRow, VoxelProbe
    from condense_ns.encoders.base import ImageEncoder
    from condense_ns.fields.backbone_file import SavedBackbone

RANDOM, AVERAGED, BLIND = "random weights", "encoder, averaged over views", "without looking"
COLUMNS = {
    "mean_iou": "mIoU",
    "voxel_accuracy": "voxels right",
    "predicted": "agreement, decoder",
    "read_out": "agreement, linear",
}


@dataclass
class BenchProbe3d:
    """Compare frozen features of a scene's voxels: of random weights, of backbones, and the encoder's own average.

    Each scene is cut into slabs across its longest horizontal axis; what is learned on every other one is asked on
    the rest, both ways. Prints mean IoU and the share of voxels whose class a linear layer gets right (of random weights
    mean ± standard deviation over draws), where a voxel's class is what most photographs say that see it. Without
    labels: agreement (cosine, either's mean taken out) with what the encoder says on average over these photographs, by the
    backbone's decoder, which saw none of them, and by a linear read-out of its latents that learns on the other slabs.
    """

    data: Path
    """A scene, a folder of scenes, or a list in YAML; photographs with or without depth images."""
    backbones: tuple[Path, ...] = (Path("shipped"),)
    """What condense export backbone wrote. Shipped is the one that comes with the package, for mini."""
    encoder: str = "mini"
    """That the backbones were trained with."""
    labels_of: str | None = None
    """A segmentation network whose classes are to be learned, e.g. segment:deeplab.tflite; None takes the scenes'
    annotations."""
    seeds: int = 3
    """Draws of random weights."""
    slabs: int = 2
    """That a scene is cut into; 2 are its halves."""
    gap: float = 0.1
    """Width of what is left out between slabs, of the scene's length."""
    most_voxels: int = 12_000
    """Of a scene; its resolution is halved until there are no more."""
    image_size: int = 256
    """Longest side in pixels at which depth images are read."""
    encoder_image_size: int | None = None
    """As in the training of the backbones."""
    output_path: Path = Path("condense_bench_probe3d.json")
    """JSON file for the figures."""

    def main(self) -> None:
        """Measure, print, write."""
        from condense_ns.benchmarks.labelled_voxels import labelled_scene
        from condense_ns.benchmarks.photograph_labels import refuse_unlabelled
        from condense_ns.benchmarks.voxel_probe import voxel_probe
        from condense_ns.data.scene_list import read_scene_list
        from condense_ns.encoders import build_encoder
        from condense_ns.operators import build_operator
        from condense_ns.pipelines.host_memory import keep_large_buffers
        from condense_ns.report.json_file import write_json
        from condense_ns.report.provenance import provenance
        from condense_ns.report.words import without_folders

        self._check()
        keep_large_buffers()
        places = read_scene_list(self.data).all
        encoder = build_encoder(self.encoder, image_size=self.encoder_image_size)
        saved = backbones_of(self.backbones, encoder)
        operator = None if self.labels_of is None else build_operator(self.labels_of)
        for place in places:
            refuse_unlabelled(place.folder, operator)
        scenes: dict[str, Any] = {}
        for place in places:
            known = labelled_scene(place, encoder, self.image_size, self.most_voxels, operator)
            scenes[place.name] = self._figures(
                voxel_probe(known, self.gap, self.slabs), encoder, saved
            )
        figures = {
            "encoder": without_folders(encoder.spec),
            "labels_of": without_folders(self.labels_of or "annotations"),
            "slabs": self.slabs,
            "gap": self.gap,
            "scenes": scenes,
        }
        write_json(self.output_path, {**provenance(), "benchmark": "probe3d", **figures})
        print_figures(figures)

    def _figures(
        self, probe: "VoxelProbe", encoder: "ImageEncoder", saved: dict[str, "SavedBackbone"]
    ) -> dict[str, Any]:
        """Of one scene: sizes, `blind`, and `rows` with the figures of each seed."""
        from rich.progress import track

        from condense_ns.benchmarks.voxel_probe import row_figures

        known = probe.known
        rows = self._rows(known, encoder, saved)
        shown = track(rows.items(), known.scene.name)
        way = probe.ways[0]
        return {
            "voxels": len(known.volume),
            "sides": [len(way.learned), len(way.asked)],
            "classes": {
                name: int((known.labels == number).sum())
                for number, name in enumerate(known.classes)
                if bool((known.labels == number).any())
            },
            "blind": probe.blind(),
            "rows": {name: row_figures(probe, draws) for name, draws in shown},
        }

    def _rows(
        self, known: "LabelledScene", encoder: "ImageEncoder", saved: dict[str, "SavedBackbone"]
    ) -> dict[str, list["ProbedRow"]]:
        """Random weights have a draw for each seed, in the size of the first backbone."""
        import torch

        from condense_ns.benchmarks.pretraining import latents_of, predicted_features
        from condense_ns.benchmarks.voxel_probe import ProbedRow
        from condense_ns.fields.octree_backbone import OctreeBackbone

        like = next(iter(saved.values())).backbone
        rows: dict[str, list[ProbedRow]] = {RANDOM: []}
        for seed in range(self.seeds):
            torch.manual_seed(seed)
            drawn = OctreeBackbone(like.preset, like.latent_dim)
            rows[RANDOM].append(ProbedRow(latents_of(drawn)(known)))
        for name, one in saved.items():
            predicted = predicted_features(one, encoder.spec)(known)
            rows[name] = [ProbedRow(latents_of(one.backbone)(known), predicted)]
        return {**rows, AVERAGED: [ProbedRow(known.averaged)]}

    def _check(self) -> None:
        check_output_file(self.output_path)
        check_backbones(self.backbones)
        limits = {"seeds": 1, "slabs": 2, "most_voxels": 1, "image_size": 32}
        for name, least in limits.items():
            if getattr(self, name) < least:
                option = name.replace("_", "-")
                raise UserError(f"--{option} is {getattr(self, name)}; it must be {least} or more")
        if not 0 <= self.gap < 1:
            raise UserError(f"--gap is {self.gap:g}; it must be 0 or more, and below 1")


def print_figures(figures: dict[str, Any]) -> None:
    """A table of all rows of all scenes."""
    from rich.console import Console
    from rich.table import Table

    from condense_ns.report.words import spread

    title = (
        f"{figures['encoder']}, labels of {figures['labels_of']}, {figures['slabs']} slabs, "
        f"gap {figures['gap']:g}"
    )
    table = Table("scene", "features", *COLUMNS.values(), title=title)
    for scene, found in figures["scenes"].items():
        table.add_section()
        for name, row in found["rows"].items():
            table.add_row(scene, name, *(spread(row.get(column, [])) for column in COLUMNS))
        blind = [found["blind"].get(column) for column in COLUMNS]
        cells = ("" if value is None else f"{value:.3f}" for value in blind)
        table.add_row(scene, BLIND, *cells)
    Console(highlight=False).print(table)
