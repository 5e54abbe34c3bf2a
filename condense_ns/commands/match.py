"""`condense match`: where was this photograph taken, if it shows this scene at all?"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from condense_ns.commands.index_place import Flag, open_index
from condense_ns.errors import UserError
from condense_ns.whole_files import check_output_file

if TYPE_CHECKING:
    from condense_ns.keypoints.detections import Keypoints2D
    from condense_ns.keypoints.keypoint_set import Keypoints3D
    from condense_ns.retrieval.absolute_pose import Lens
    from condense_ns.retrieval.localization import Localization
    from condense_ns.retrieval.photograph import Photograph

LEAST_KEYPOINTS = 6


@dataclass
class Match:
    """Find the pose of a photograph in a condensed scene, or that it shows another place.

    Given one scene's keypoints, or an index of scenes (`condense index`), of which the right one is
    found first. Prints position and pose (camera to world, OpenGL) in the coordinates of the keypoint
    set, how many matches agree with it and how sure that is; draws the matches.
    """

    image: Path
    """The photograph."""
    keypoints: Path | None = None
    """File with the scene's keypoints."""
    index: str | None = None
    """Instead of --keypoints: folder or URI of an index of scenes."""
    focal: tuple[float, ...] | None = None
    """Focal length in pixels, or one along x and one along y; None estimates it."""
    picture: Path | None = None
    """PNG of the photograph with its matches; None writes <name of the image>_matches.png here."""
    head: Path | None = None
    """File of the keypoint head; None takes keypoint_head.safetensors beside the keypoints."""
    max_keypoints: int = 2048
    """Most keypoints of the photograph, the best ones."""
    encoder: str | None = None
    """The encoder of the keypoints or the index, where that is called differently here, e.g. lies in another
    folder; it must be the same network."""
    prior: str | None = None
    """What finds keypoints in the photograph; None takes what the keypoint head was trained with, and
    shi-tomasi for an index of an encoder's descriptors."""
    encoder_image_size: int | None = None
    """Of an index that was made from runs with --pipeline.datamanager.encoder-image-size: that size."""
    candidates: int = 3
    """Of an index: scenes that a pose is looked for in."""
    device: str = "cpu"
    """Where keypoints are found, e.g. cuda."""
    storage_options: tuple[str, ...] = ()
    """Of an index in object storage: its settings, each as key=value."""
    json: Flag = 0
    """Print the answer as JSON."""

    def main(self) -> None:
        """Look, compare, tell, draw."""
        self._check()
        picture = self.picture or Path(f"{self.image.stem}_matches.png")
        check_output_file(picture, "--picture")
        from condense_ns.retrieval.photograph import read_photograph

        photograph = read_photograph(self.image)
        lens = self._lens(photograph)
        answer = (
            self._in_set(photograph, lens)
            if self.index is None
            else self._in_index(photograph, lens)
        )
        draw(picture, photograph, answer.detected, answer.keypoints, answer.found)
        if self.json:
            print(json.dumps({**as_json(answer, lens), "picture": str(picture)}, indent=2))
            return
        console = Console(highlight=False)
        if answer.scene is not None:
            others = ", ".join(f"{name} {count}" for name, count in answer.ranking)
            console.print(f"scene {answer.scene} (matches: {others})", soft_wrap=True)
        show(answer.found, answer.keypoints, lens, console)
        console.print(f"matches drawn in {picture}")

    def _in_set(self, photograph: "Photograph", lens: "Lens") -> "Answer":
        """Matched with one scene's keypoints."""
        from condense_ns.export.keypoint_file import read_keypoints
        from condense_ns.keypoints.keypoint_set import HEAD
        from condense_ns.pipelines.photo_detector import load_detector
        from condense_ns.retrieval.localization import DEFAULT_OPTIONS, localize

        assert self.keypoints is not None
        keypoints = read_keypoints(self.keypoints)
        head = self._head(self.keypoints)
        detector = load_detector(head, self.max_keypoints, self.device, self.encoder, self.prior)
        detected = detector(photograph.rgb)
        # a scene that nothing was trained on has its encoder's own features, and no head's
        name = HEAD if HEAD in keypoints.descriptors else str(detector.known_as)
        options = replace(DEFAULT_OPTIONS, descriptors=name)
        return Answer(detected, keypoints, localize(detected, keypoints, lens, options))

    def _in_index(self, photograph: "Photograph", lens: "Lens") -> "Answer":
        """Matched with the best scenes of an index."""
        from condense_ns.pipelines.index_detector import index_detector
        from condense_ns.retrieval.scene_matching import match_scenes

        assert self.index is not None
        index = open_index(self.index, self.storage_options)
        detector = index_detector(
            index,
            self.encoder,
            self.head,
            self.prior,
            self.max_keypoints,
            self.encoder_image_size,
            self.device,
        )
        detected = detector(photograph.rgb)
        matched = match_scenes(index, detected, lens, self.candidates)
        if not matched:
            raise UserError(f"{self.image} has no keypoints; give a sharper picture")
        best = matched[0]
        ranking = tuple((one.found.name, one.found.matches) for one in matched)
        return Answer(detected, best.keypoints, best.localization, best.found.name, ranking)

    def _check(self) -> None:
        from condense_ns.encoders import check_device

        check_device(self.device)
        if (self.keypoints is None) == (self.index is None):
            raise UserError("say where to look with either --keypoints or --index")
        if self.focal is not None and not (
            len(self.focal) in (1, 2) and all(0.0 < length < float("inf") for length in self.focal)
        ):
            raise UserError(
                f"--focal is {' '.join(map(str, self.focal))}; give one or two numbers above 0"
            )
        if self.max_keypoints < LEAST_KEYPOINTS:
            raise UserError(
                f"--max-keypoints is {self.max_keypoints}, a pose needs at least {LEAST_KEYPOINTS}"
            )
        if self.candidates < 1:
            raise UserError(f"--candidates is {self.candidates}, it must be 1 or more")

    def _head(self, keypoints: Path) -> Path:
        from condense_ns.keypoints.keypoint_set import HEAD_NAME

        head = self.head or keypoints.parent / HEAD_NAME
        if not head.is_file():
            raise UserError(f"there is no keypoint head {head}; say with --head where it is")
        return head

    def _lens(self, photograph: "Photograph") -> "Lens":
        from condense_ns.retrieval.absolute_pose import Lens

        if self.focal is None:
            return Lens.guessed(photograph.width, photograph.height, photograph.focal_hint)
        return Lens.ideal(photograph.width, photograph.height, self.focal)


@dataclass(frozen=True)
class Answer:
    """What was found out."""

    detected: "Keypoints2D"
    keypoints: "Keypoints3D"
    """Of the scene."""
    found: "Localization"
    scene: str | None = None
    """Name of the scene, where there was a choice."""
    ranking: tuple[tuple[str, int], ...] = ()
    """Names of the scenes that were tried, and numbers of matches; the best first."""


def as_json(answer: Answer, lens: "Lens") -> dict[str, Any]:
    """Scene, pose and confidence as JSON has them; pose and focal length are null if nothing was found."""
    found, is_found = answer.found, answer.found.found
    pose, camera = found.dataset_pose, found.camera
    return {
        "scene": answer.scene if is_found else None,
        "ranking": [{"scene": name, "matches": count} for name, count in answer.ranking],
        "found": is_found,
        "confidence": found.confidence,
        "reason": found.reason,
        "frame": answer.keypoints.frame,
        "camera_to_world": pose.tolist() if is_found and pose is not None else None,
        "focal": camera.focal.tolist() if is_found and camera is not None else None,
        "focal_is_estimated": not lens.focal_is_known,
    }


def show(found: "Localization", keypoints: "Keypoints3D", lens: "Lens", console: Console) -> None:
    """Pose and confidence in words."""
    sure = f"{found.reason} (confidence {found.confidence:.2f})"
    pose = found.dataset_pose
    if found.camera is None or pose is None or not found.found:
        console.print(f"not this scene: {sure}")
        return
    position = ", ".join(f"{value:.4f}" for value in pose[:, 3].tolist())
    console.print(f"taken at {position} in the coordinates of the {keypoints.frame}: {sure}")
    console.print("camera to world (OpenGL):")
    for row in pose.tolist():
        console.print("  ".join(f"{value:12.6f}" for value in row))
    if not lens.focal_is_known:
        console.print(f"focal length estimated: {found.camera.focal[0]:.1f} pixels")


def draw(
    path: Path,
    photograph: "Photograph",
    detected: "Keypoints2D",
    keypoints: "Keypoints3D",
    found: "Localization",
) -> None:
    """Write the photograph with its matches.

    Raises:
        UserError: the file cannot be written.
    """
    from condense_ns.geometry.projection import project
    from condense_ns.report.match_picture import DrawnMatches, write_match_picture

    of_photograph, of_scene = found.matches.pairs.unbind(dim=1)
    projected = None
    if found.found and found.camera is not None:
        pixels, depth = project(keypoints.xyz[of_scene], found.camera)
        projected = pixels.masked_fill(depth[:, None] <= 0.0, float("nan"))
    pixels = detected.pixels.cpu()[of_photograph]
    inliers = found.inliers & found.found
    write_match_picture(path, photograph.rgb, DrawnMatches(pixels, projected, inliers))
