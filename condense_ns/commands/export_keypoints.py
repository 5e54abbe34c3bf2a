"""`condense export keypoints` and `ns-export keypoints`: a scene condensed into points, as files."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console

from condense_ns.errors import UserError
from condense_ns.whole_files import check_output_folder

if TYPE_CHECKING:
    from condense_ns.keypoints.keypoint_set import Keypoints3D
    from condense_ns.pipelines.condensing import CondenseOptions
    from condense_ns.pipelines.photo_detector import PhotoDetector

SHAPING = ("count", "radius", "min_score", "crop", "adjust_poses")
"""Options that say what the set shall be like."""


@dataclass(frozen=True)
class Condensed:
    """A condensed scene."""

    detector: "PhotoDetector"
    """Finds the keypoints in photographs."""
    keypoints: "Keypoints3D"
    origin: dict[str, Any]
    """Where they come from, in what JSON can hold."""


@dataclass
class ExportKeypoints:
    """Condense a trained run, or a scene that nothing was trained on, into its keypoints.

    Writes keypoints.npz (everything), keypoint_head.safetensors (finds keypoints in photographs, for
    `condense match`), keypoints.ply (for the eye), colmap/ (a sparse model, as text and binary) and
    keypoints.json (where they come from).
    """

    load_config: Path | None = None
    """Config.yml of a run of condense-sparse."""
    output_dir: Path = Path("keypoints")
    """Folder for the files; made if missing."""
    scene: Path | None = None
    """Instead of --load-config: folder of a scene that nothing was trained on."""
    descriptors: str | None = None
    """Of --scene: what describes keypoints. backbone:<file> (or backbone:shipped, which comes with the package)
    is a pre-trained backbone of condense-pretrain: its 2D branch describes, and finds where it has learned
    scores, its 3D branch adds scores, features and normals. Encoders do as well."""
    prior: str = "shi-tomasi"
    """Of --scene: detector of keypoints: shi-tomasi, dog, or an encoder of keypoint logits."""
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
    device: str = "cpu"
    """Of --scene: where encoder and backbone compute, e.g. cuda."""
    frame: Literal["dataset", "model"] = "dataset"
    """Coordinates and units of the files: those of the dataset's own poses, or the trained model's."""

    def main(self) -> None:
        """Check, condense, write.

        Raises:
            UserError: an option out of range, no such run, nothing found, or no place to write.
        """
        self._check()
        from condense_ns.keypoints.keypoint_set import HEAD_NAME

        found = self._of_run() if self.scene is None else self._of_scene()
        keypoints = found.keypoints.in_frame(self.frame)
        if not len(keypoints):
            raise UserError(
                f"{self.load_config} has no keypoint of score {self.min_score} or more in the crop; "
                "lower --min-score or widen --crop"
            )
        found.detector.save(self.output_dir / HEAD_NAME)
        self._write(keypoints, self._record(keypoints, found.origin))

    def _of_run(self) -> Condensed:
        from condense_ns.pipelines.condensing import condense, with_keypoints
        from condense_ns.pipelines.loaded_run import load_run

        assert self.load_config is not None
        pipeline = with_keypoints(load_run(self.load_config))
        self._make_folder()
        keypoints = condense(pipeline, self._options())
        digests = {
            spec: bytes(pipeline.model.decoder(spec).fingerprint.tolist()).hex()
            for spec in pipeline.config.encoders
        }
        origin = {"run": str(self.load_config), "encoders": digests}
        return Condensed(pipeline.detector(), keypoints, origin)

    def _of_scene(self) -> Condensed:
        from condense_ns.pipelines.depth_keypoints import feature_sources, keypoints_from_depth
        from condense_ns.pipelines.photo_detector import scene_detector
        from condense_ns.pipelines.scene_describing import LARGEST_PHOTOGRAPH
        from condense_ns.pipelines.scene_lifting import open_scene

        assert self.scene is not None
        assert self.descriptors is not None
        options = self._options()
        detector = scene_detector(self.descriptors, self.prior, options.detections, self.device)
        scene = open_scene(self.scene, LARGEST_PHOTOGRAPH)
        self._make_folder()
        keypoints = keypoints_from_depth(scene, detector, options=options)
        origin = {"scene": scene.name, "encoders": feature_sources(detector), "prior": self.prior}
        return Condensed(detector, keypoints, origin)

    def _options(self) -> "CondenseOptions":
        from condense_ns.pipelines.condensing import CondenseOptions

        return CondenseOptions(**{name: getattr(self, name) for name in SHAPING})

    def _check(self) -> None:
        if (self.load_config is None) == (self.scene is None):
            raise UserError("give either --load-config or --scene")
        if (self.scene is None) != (self.descriptors is None):
            raise UserError(
                "--scene and --descriptors belong together; e.g. --scene scene/ --descriptors backbone:shipped"
            )
        self._check_shaping()
        check_output_folder(self.output_dir, "--output-dir")

    def _check_shaping(self) -> None:
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

    def _record(self, keypoints: "Keypoints3D", origin: dict[str, Any]) -> dict[str, Any]:
        """Where the keypoints come from and how many there are."""
        from condense_ns.report.provenance import provenance

        return {
            **provenance(),
            **origin,
            "options": {name: getattr(self, name) for name in SHAPING},
            "frame": keypoints.frame,
            "keypoints": len(keypoints),
            "observations": len(keypoints.observations.keypoints),
            "views": len(keypoints.views),
        }

    def _write(self, keypoints: "Keypoints3D", record: dict[str, Any]) -> None:
        from condense_ns.export.colmap_model import write_colmap
        from condense_ns.export.keypoint_file import write_keypoints
        from condense_ns.export.keypoint_ply import write_keypoint_ply
        from condense_ns.keypoints.keypoint_set import HEAD_NAME
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
