"""`condense export keypoints` and `ns-export keypoints`: a scene condensed into points, as files."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console

from condense_ns.errors import UserError
from condense_ns.keypoints.keypoint_set import HEAD_NAME

if TYPE_CHECKING:
    from condense_ns.keypoints.keypoint_set import Keypoints3D
    from condense_ns.pipelines.feature_pipeline import FeaturePipeline


@dataclass
class ExportKeypoints:
    """Condense a trained run into its keypoints.

    Writes keypoints.npz (everything), keypoint_head.safetensors (finds keypoints in photographs, for
    `condense match`), keypoints.ply (for the eye), colmap/ (a sparse model, as text and binary) and
    keypoints.json (where they come from).
    """

    load_config: Path
    """The run's config.yml."""
    output_dir: Path
    """Folder for the files; made if missing."""
    count: int = 1024
    """Largest number of keypoints; the best ones are kept. At least 1."""
    radius: float | None = None
    """Smallest distance between two keypoints, in the dataset's units, above 0: of those that are
    closer the best remains. None chooses it by the size of the scene."""
    min_score: float = 0.0
    """Smallest score of a keypoint, in [0, 1]; more of it leaves fewer and better ones."""
    crop: tuple[float, float, float, float, float, float] | None = None
    """Box that keypoints must lie in: smallest x, y, z and largest x, y, z in the dataset's
    coordinates. None keeps all of the scene."""
    adjust_poses: bool = True
    """Let the poses of the training views move to where photographs and keypoints agree, by about a
    degree. Turn it off for poses that are exact, e.g. of rendered scenes."""
    frame: Literal["dataset", "model"] = "dataset"
    """Coordinates and units of the files: those of the dataset's own poses, or the trained model's."""

    def main(self) -> None:
        """Check, condense, write.

        Raises:
            UserError: an option out of range, no such run, nothing found, or no place to write.
        """
        self._check()
        from condense_ns.pipelines.condensing import CondenseOptions, condense, with_keypoints
        from condense_ns.pipelines.loaded_run import load_run

        pipeline = with_keypoints(load_run(self.load_config))
        self._make_folder()
        options = CondenseOptions(
            count=self.count,
            radius=self.radius,
            min_score=self.min_score,
            crop=self.crop,
            adjust_poses=self.adjust_poses,
        )
        keypoints = condense(pipeline, options).in_frame(self.frame)
        if not len(keypoints):
            raise UserError(
                f"{self.load_config} has no keypoint of score {self.min_score} or more in the crop; "
                "lower --min-score or widen --crop"
            )
        pipeline.detector().save(self.output_dir / HEAD_NAME)
        self._write(keypoints, self._record(pipeline, keypoints))

    def _check(self) -> None:
        if self.count < 1:
            raise UserError(f"--count is {self.count}, it must be 1 or more")
        if self.radius is not None and not 0.0 < self.radius < math.inf:
            raise UserError(
                f"--radius is {self.radius}, it must lie above 0; leave it out for None"
            )
        if not 0.0 <= self.min_score <= 1.0:
            raise UserError(f"--min-score is {self.min_score}, it must lie in [0, 1]")
        if self.crop is not None:
            for axis, low, high in zip("xyz", self.crop[:3], self.crop[3:], strict=True):
                if not -math.inf < low < high < math.inf:
                    raise UserError(
                        f"--crop goes from {low} to {high} along {axis}; give the smallest x, y, z, "
                        "then larger ones"
                    )

    def _make_folder(self) -> None:
        try:
            self.output_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{self.output_dir} cannot be made ({error.strerror}); choose another --output-dir"
            ) from error

    def _record(self, pipeline: "FeaturePipeline", keypoints: "Keypoints3D") -> dict[str, Any]:
        """Where the keypoints come from and how many there are."""
        from condense_ns.report.provenance import provenance

        options = asdict(self)
        del options["load_config"], options["output_dir"], options["frame"]
        return {
            **provenance(),
            "run": str(self.load_config),
            "encoders": {
                spec: bytes(pipeline.model.decoder(spec).fingerprint.tolist()).hex()
                for spec in pipeline.config.encoders
            },
            "options": options,
            "frame": keypoints.frame,
            "keypoints": len(keypoints),
            "observations": len(keypoints.observations.keypoints),
            "views": len(keypoints.views),
        }

    def _write(self, keypoints: "Keypoints3D", record: dict[str, Any]) -> None:
        from condense_ns.export.colmap_model import write_colmap
        from condense_ns.export.keypoint_file import write_keypoints
        from condense_ns.export.keypoint_ply import write_keypoint_ply
        from condense_ns.report.json_file import write_json

        folder = self.output_dir
        write_keypoints(folder / "keypoints.npz", keypoints, record)
        write_keypoint_ply(folder / "keypoints.ply", keypoints)
        write_colmap(folder / "colmap", keypoints)
        write_json(folder / "keypoints.json", record)
        for name in ("keypoints.npz", HEAD_NAME, "keypoints.ply", "colmap", "keypoints.json"):
            Console().print(
                f"{folder / name}: {_bytes(folder / name) / 1e3:,.1f} kB", soft_wrap=True
            )


def _bytes(path: Path) -> int:
    """Size of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
