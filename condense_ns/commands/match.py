"""`condense match`: where was this photograph taken, if it shows this scene at all?"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from condense_ns.errors import UserError

if TYPE_CHECKING:
    from condense_ns.keypoints.detections import Keypoints2D
    from condense_ns.keypoints.keypoint_set import Keypoints3D
    from condense_ns.retrieval.absolute_pose import Lens
    from condense_ns.retrieval.localization import Localization
    from condense_ns.retrieval.photograph import Photograph

HEAD_NAME = "keypoint_head.safetensors"
LEAST_KEYPOINTS = 6


@dataclass
class Match:
    """Find the pose of a photograph in a condensed scene, or that it shows another place.

    Prints position and pose (camera to world, OpenGL) in the coordinates of the keypoint set, how many
    matches agree with it and how sure that is; draws the matches.
    """

    image: Path
    """The photograph."""
    keypoints: Path
    """File with the scene's keypoints."""
    focal: tuple[float, ...] | None = None
    """Focal length in pixels, or one along x and one along y; None estimates it."""
    picture: Path | None = None
    """PNG of the photograph with its matches; None writes <name of the image>_matches.png here."""
    head: Path | None = None
    """File of the keypoint head; None takes keypoint_head.safetensors beside the keypoints."""
    max_keypoints: int = 2048
    """Most keypoints of the photograph, the best ones."""

    def main(self) -> None:
        """Look, compare, tell, draw."""
        self._check()
        from condense_ns.export.keypoint_file import read_keypoints
        from condense_ns.pipelines.photo_detector import load_detector
        from condense_ns.retrieval.localization import localize
        from condense_ns.retrieval.photograph import read_photograph

        photograph = read_photograph(self.image)
        keypoints = read_keypoints(self.keypoints)
        detector = load_detector(self._head(), max_keypoints=self.max_keypoints)
        detected = detector(photograph.rgb)
        lens = self._lens(photograph)
        found = localize(detected, keypoints, lens)
        console = Console(highlight=False)
        show(found, keypoints, lens, console)
        picture = self.picture or Path(f"{self.image.stem}_matches.png")
        draw(picture, photograph, detected, keypoints, found)
        console.print(f"matches drawn in {picture}")

    def _check(self) -> None:
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

    def _head(self) -> Path:
        head = self.head or self.keypoints.parent / HEAD_NAME
        if not head.is_file():
            raise UserError(f"there is no keypoint head {head}; say with --head where it is")
        return head

    def _lens(self, photograph: "Photograph") -> "Lens":
        from condense_ns.retrieval.absolute_pose import Lens

        if self.focal is None:
            return Lens.guessed(photograph.width, photograph.height, photograph.focal_hint)
        return Lens.ideal(photograph.width, photograph.height, self.focal)


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
