"""`condense bench pretrain`: what condense-pretrain learned, on scenes that it never saw."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from condense_ns.commands.backbone_files import backbones_of, check_backbones
from condense_ns.errors import UserError
from condense_ns.whole_files import check_output_file

if TYPE_CHECKING:
    from condense_ns.benchmarks.labelled_voxels import LabelledScene
    from condense_ns.benchmarks.pretraining import Scenes
    from condense_ns.encoders.base import ImageEncoder
    from condense_ns.fields.backbone_file import SavedBackbone

RANDOM, AVERAGED, ORIGINAL = "random weights", "encoder, averaged over views", "encoder"


@dataclass
class BenchPretrain:
    """Compare pre-trained backbones with each other, with random weights and with the encoder itself.

    In 3D: mean IoU of voxels by a linear layer on frozen latents, with few and with all labels, and by words
    alone. In 2D: inconsistency between views, and mean IoU of pixels by a linear layer and by words, before and
    after refinement; share of keypoints found again in a neighbouring view, with and without learned scores. Layers learn on the training scenes; all figures are of the test scenes.
    """

    data: Path
    """Folder of annotated scenes or a list in YAML, with scenes for training and testing."""
    backbones: tuple[Path, ...]
    """What condense export backbone wrote, or shipped, the one that comes with the package."""
    encoder: str = "mini"
    """That the backbones were trained with; shipped knows mini only."""
    encoder_image_size: int | None = None
    """As in the training of the backbones."""
    labels: tuple[float, ...] = (1.0, 100.0)
    """Percent of the training voxels whose labels are known."""
    most_train: int = 64
    """Training scenes to learn layers from, at most."""
    most_voxels: int = 12_000
    """Of a scene; its resolution is halved until there are no more."""
    image_size: int = 256
    """Longest side in pixels at which depth images are read."""
    preset: Literal["S", "M", "L"] = "S"
    """Size of the backbone with random weights."""
    output_path: Path = Path("condense_bench_pretrain.json")
    """JSON file for the figures."""

    def main(self) -> None:
        """Measure, print, write."""
        from condense_ns.encoders import build_encoder
        from condense_ns.pipelines.host_memory import keep_large_buffers
        from condense_ns.report.json_file import write_json
        from condense_ns.report.provenance import provenance

        self._check()
        keep_large_buffers()
        encoder = build_encoder(self.encoder, image_size=self.encoder_image_size)
        backbones = backbones_of(self.backbones, encoder)
        scenes = self._scenes(encoder)
        rows = self._rows(scenes, encoder, backbones)
        counts = {"train": len(scenes.train), "test": len(scenes.test)}
        write_json(
            self.output_path,
            {**provenance(), "benchmark": "pretrain", "scenes": counts, "rows": rows},
        )
        print_rows(rows, counts)

    def _scenes(self, encoder: "ImageEncoder") -> "Scenes":
        from rich.progress import track

        from condense_ns.annotations import read_annotations
        from condense_ns.benchmarks.labelled_voxels import labelled_scene
        from condense_ns.benchmarks.pretraining import Scenes
        from condense_ns.data.scene_list import read_scene_list

        listed = read_scene_list(self.data, False)
        train, test = listed.train[: self.most_train], listed.test
        if not train or not test:
            raise UserError(f"{self.data} needs scenes below train and below test")
        for place in (*train, *test):
            if read_annotations(place.folder) is None:
                raise UserError(f"{place.folder} lacks annotations.json; condense synth writes it")
        read: list[LabelledScene] = []
        for place in track((*train, *test), "Reading scenes"):
            scene = labelled_scene(place, encoder, self.image_size, self.most_voxels)
            if read and scene.classes != read[0].classes:
                raise UserError(
                    f"scene {place.name} has other classes than {read[0].scene.name}; give the same list of "
                    "classes to all annotations.json, or leave the scene out"
                )
            read.append(scene)
        return Scenes(read[: len(train)], read[len(train) :])

    def _rows(
        self, scenes: "Scenes", encoder: "ImageEncoder", backbones: dict[str, "SavedBackbone"]
    ) -> dict[str, dict[str, float]]:
        import torch

        from condense_ns.benchmarks.pretraining import (
            averaged_features,
            keypoint_figures,
            latents_of,
            original_maps,
            predicted_features,
            read_out_maps,
            refined_maps,
        )
        from condense_ns.fields.octree_backbone import OctreeBackbone
        from condense_ns.pipelines.refined_encoder import RefinedEncoder

        torch.manual_seed(0)
        rows: dict[str, dict[str, float]] = {
            RANDOM: self._probes(latents_of(OctreeBackbone(self.preset)), scenes),
            AVERAGED: self._probes(averaged_features, scenes)
            | self._words(averaged_features, scenes, encoder),
            ORIGINAL: self._of_maps(original_maps, scenes, encoder)
            | keypoint_figures(encoder, scenes),
        }
        for name, saved in backbones.items():
            found = self._probes(latents_of(saved.backbone), scenes)
            found |= self._words(predicted_features(saved, encoder.spec), scenes, encoder)
            if saved.others is not None:
                found |= self._of_maps(refined_maps(encoder, saved), scenes, encoder)
                refined = RefinedEncoder(f"backbone:{name}", encoder, saved)
                if refined.knows_scores:
                    found |= keypoint_figures(refined, scenes)
            rows[name] = found
            if saved.others is not None and saved.others.branch_2d.reads_out(encoder.spec):
                rows[f"{name}, read out"] = self._of_maps(
                    read_out_maps(encoder, saved), scenes, encoder
                )
        return rows

    def _probes(self, features: Any, scenes: "Scenes") -> dict[str, float]:
        from condense_ns.benchmarks.pretraining import probed

        return {
            f"probe {share:g} %": probed(features, scenes, share / 100) for share in self.labels
        }

    @staticmethod
    def _words(features: Any, scenes: "Scenes", encoder: "ImageEncoder") -> dict[str, float]:
        from condense_ns.benchmarks.pretraining import asked_in_words
        from condense_ns.encoders.base import TextImageEncoder

        if not isinstance(encoder, TextImageEncoder):
            return {}
        return {"words": asked_in_words(features, scenes, encoder)}

    @staticmethod
    def _of_maps(maps: Any, scenes: "Scenes", encoder: "ImageEncoder") -> dict[str, float]:
        from condense_ns.benchmarks.pretraining import map_figures, pixels_asked_in_words
        from condense_ns.encoders.base import TextImageEncoder

        found = map_figures(maps, scenes)
        if isinstance(encoder, TextImageEncoder):
            found["words_2d"] = pixels_asked_in_words(maps, scenes, encoder)
        return found

    def _check(self) -> None:
        check_output_file(self.output_path)
        check_backbones(self.backbones)
        if not self.labels or not all(0 < share <= 100 for share in self.labels):
            raise UserError(f"--labels are {self.labels}; give percentages above 0, up to 100")


def print_rows(rows: dict[str, dict[str, float]], counts: dict[str, int]) -> None:
    """A table of all rows."""
    from rich.console import Console
    from rich.table import Table

    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    title = f"{counts['test']} unseen scenes, layers trained on {counts['train']}"
    table = Table("features", *names, title=title)
    for name, row in rows.items():
        table.add_row(name, *(f"{row[key]:.3f}" if key in row else "" for key in names))
    Console(highlight=False).print(table)
