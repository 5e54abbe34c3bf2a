"""`condense bench probe2d`: what refinement adds to 2D features, by a linear layer that names pixels."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from condense_ns.commands.backbone_files import check_backbones
from condense_ns.errors import UserError
from condense_ns.whole_files import check_output_file

if TYPE_CHECKING:
    from condense_ns.benchmarks.map_probe import ProbedMaps
    from condense_ns.encoders.base import ImageEncoder
    from condense_ns.fields.backbone_file import SavedBackbone

ORIGINAL, BLIND = "encoder", "without looking"
UNLIKE = "inconsistency"
COLUMNS = {"mean_iou": "mIoU", "pixel_accuracy": "pixels right"}


@dataclass
class BenchProbe2d:
    """Compare an encoder's maps with refined ones: how well one linear layer names pixels from them.

    The layer learns from training scenes and is asked about test scenes; with a single scene, from its first
    photographs and about its last ones. Prints mean IoU over the classes that occur and the share of pixels
    that are right, mean ± standard deviation over draws of the labels, and, of scenes with depth images, how unlike maps of one
    place are in two photographs (1 - centred cosine).
    """

    data: Path
    """A scene, a folder of scenes, or a list in YAML with scenes for training and testing."""
    backbones: tuple[Path, ...] = (Path("shipped"),)
    """What condense export backbone wrote: its 2D branch refines. Shipped is the one that comes with the package,
    for mini."""
    encoder: str = "mini"
    """That the backbones were trained with."""
    labels_of: str | None = None
    """A segmentation network whose classes are to be learned, e.g. segment:deeplab.tflite; None takes the scenes'
    annotations."""
    labels: tuple[float, ...] = (10.0, 100.0)
    """Percent of the training photographs whose labels are known."""
    seeds: int = 3
    """Draws of the photographs whose labels are known."""
    held_out: float = 0.3
    """Share of a single scene's photographs, the last ones by name, that the layer is asked about."""
    every: int = 1
    """Of each scene's photographs every so-manieth is looked at."""
    encoder_image_size: int | None = None
    """As in the training of the backbones."""
    output_path: Path = Path("condense_bench_probe2d.json")
    """JSON file for the figures."""

    def main(self) -> None:
        """Measure, print, write."""
        from condense_ns.benchmarks.map_probe import blind_figures, probed_maps
        from condense_ns.data.scene_list import read_scene_list
        from condense_ns.encoders import build_encoder
        from condense_ns.operators import build_operator
        from condense_ns.pipelines.host_memory import keep_large_buffers
        from condense_ns.report.json_file import write_json
        from condense_ns.report.provenance import provenance

        self._check()
        keep_large_buffers()
        listed = read_scene_list(self.data)
        encoder = build_encoder(self.encoder, image_size=self.encoder_image_size)
        saved = self._saved(encoder)
        operator = None if self.labels_of is None else build_operator(self.labels_of)
        maps = probed_maps(listed, encoder, operator, self.held_out, self.every)
        figures: dict[str, Any] = {
            "photographs": {"train": len(maps.train), "test": len(maps.test)},
            "labels_of": self.labels_of or "annotations",
            **self._figures(maps, encoder, saved),
            "blind": blind_figures(maps),
        }
        write_json(self.output_path, {**provenance(), "benchmark": "probe2d", **figures})
        print_figures(figures, self.labels)

    def _saved(self, encoder: "ImageEncoder") -> dict[str, "SavedBackbone"]:
        """By the names of rows; refused if they cannot refine the encoder's maps."""
        from condense_ns.fields.backbone_file import load_backbone
        from condense_ns.pipelines.refined_encoding import branch_of

        found = {file.stem: load_backbone(file) for file in self.backbones}
        for saved in found.values():
            branch_of(saved, encoder, encoder.device)
        return found

    def _figures(
        self, maps: "ProbedMaps", encoder: "ImageEncoder", saved: dict[str, "SavedBackbone"]
    ) -> dict[str, dict[str, Any]]:
        """`rows`: figures of each seed, by row and percentage; `inconsistency`: by row."""
        from rich.progress import track

        from condense_ns.benchmarks.map_probe import probe_runs

        rows: dict[str, dict[str, list[dict[str, float]]]] = {}
        inconsistencies: dict[str, float | None] = {}
        total = sum(self.seeds if share < 100 else 1 for share in self.labels)
        for name, one in {ORIGINAL: None, **saved}.items():
            seen = maps if one is None else maps.refined(encoder, one)
            inconsistencies[name] = seen.inconsistency if seen.pairs else None
            runs = probe_runs(seen, self.labels, self.seeds)
            row = rows.setdefault(name, {})
            for share, figures in track(runs, name, total):
                row.setdefault(f"{share:g}", []).append(figures)
        return {"rows": rows, "inconsistency": inconsistencies}

    def _check(self) -> None:
        check_output_file(self.output_path)
        check_backbones(self.backbones)
        for name in ("seeds", "every"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name} is {getattr(self, name)}; it must be 1 or more")
        if not 0 < self.held_out < 1:
            raise UserError(f"--held-out is {self.held_out:g}; it must lie between 0 and 1")
        if not self.labels or not all(0 < share <= 100 for share in self.labels):
            raise UserError(f"--labels are {self.labels}; give percentages above 0, up to 100")


def print_figures(figures: dict[str, Any], labels: tuple[float, ...]) -> None:
    """A table of all rows."""
    from rich.console import Console
    from rich.table import Table

    from condense_ns.report.words import spread, without_folders

    counts = figures["photographs"]
    heads = [f"{name}, {share:g} %" for share in labels for name in COLUMNS.values()]
    table = Table(
        "features",
        *heads,
        UNLIKE,
        title=f"{counts['test']} photographs, layers trained on {counts['train']}, "
        f"labels of {without_folders(figures['labels_of'])}",
    )
    for name, shares in figures["rows"].items():
        cells = [
            spread([run[column] for run in shares[f"{share:g}"]])
            for share in labels
            for column in COLUMNS
        ]
        unlike = figures["inconsistency"][name]
        table.add_row(name, *cells, "" if unlike is None else f"{unlike:.3f}")
    blind = [f"{figures['blind'][column]:.3f}" for column in COLUMNS]
    table.add_row(BLIND, *blind * len(labels))
    Console(highlight=False).print(table)
