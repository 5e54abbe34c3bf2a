"""The 2D head on photographs: encoder, prior and head together, and the file that it travels in."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from rich.console import Console
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from condense_ns.encoders import ENCODERS, build_encoder
from condense_ns.encoders.base import ImageEncoder
from condense_ns.errors import UserError
from condense_ns.geometry.interpolation import sample_map
from condense_ns.keypoints.detection import detect
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.keypoints.head import HeadMaps, KeypointHead
from condense_ns.keypoints.prior import (
    CLASSICAL,
    cell_logits,
    classical_logits,
    weighed_logits,
)
from condense_ns.pipelines.refined_encoder import RefinedEncoder, photo_encoder
from condense_ns.whole_files import whole_file

FORMAT = "condense_ns keypoint head"
VERSION = 1
NARROW = 2
"""Channels of a head that corrects nothing."""


class Prior:
    """The detector that a head starts from: ``shi-tomasi``, ``dog``, or an encoder of keypoint logits.

    Args:
        spec: which.
        device: where it computes.

    Raises:
        UserError: no detector is called so, or the encoder cannot be built.
    """

    def __init__(self, spec: str, device: str) -> None:
        if spec not in CLASSICAL and spec.partition(":")[0] not in ENCODERS:
            raise UserError(
                f"unknown prior {spec!r}; known are {', '.join(CLASSICAL)}, and encoders of keypoint logits, "
                "e.g. onnx:net.onnx#logits"
            )
        self.spec = spec
        self._network = None if spec in CLASSICAL else build_encoder(spec, device)

    def logits(
        self,
        image: Float[Tensor, "3 rows columns"],
        resized: Float[Tensor, "3 height width"],
    ) -> Float[Tensor, "height width"]:
        """Of each pixel of the resized photograph.

        Args:
            image: the photograph.
            resized: as the head sees it.
        """
        if self._network is None:
            return classical_logits(resized, self.spec)  # type: ignore[arg-type]
        height, width = resized.shape[1:]
        return cell_logits(self._network.encode(image[None])[0], (height, width))


@dataclass(frozen=True)
class PhotoDetector:
    """Finds and describes the keypoints of any photograph.

    Where the encoder is a backbone's that has learned keypoint scores, these weigh what the prior finds.
    """

    encoder: ImageEncoder
    prior: Prior
    head: KeypointHead
    max_keypoints: int = 1024
    """Of a photograph."""
    encoder_image_size: int | None = None
    """Longest side in pixels that the encoder was built for; None: its own default."""
    known_as: str | None = None
    """What the encoder was called where the detector's file was written; None: as here."""

    @torch.no_grad()
    def maps(self, image: Float[Tensor, "3 rows columns"]) -> HeadMaps:
        """What the head says of a photograph, RGB in [0, 1]."""
        device = next(self.head.parameters()).device
        image = image.to(device)
        resized = self.head.resized(image)
        feature_map = self.encoder.encode(image[None])[0].to(device)
        logits = self.prior.logits(image, resized).to(device)
        if isinstance(self.encoder, RefinedEncoder) and self.encoder.knows_scores:
            logits = weighed_logits(logits, self.encoder.keypoint_scores(feature_map))
        return self.head(resized, feature_map, logits)

    @torch.no_grad()
    def __call__(self, image: Float[Tensor, "3 rows columns"]) -> Keypoints2D:
        """Its strongest keypoints, on the CPU."""
        height, width = image.shape[1:]
        found = detect(self.maps(image), (height, width), self.max_keypoints)
        return Keypoints2D(found.pixels.cpu(), found.scores.cpu(), found.descriptors.cpu())

    @torch.no_grad()
    def described(
        self, image: Float[Tensor, "3 rows columns"], pixels: Float[Tensor, "keypoints 2"]
    ) -> Keypoints2D:
        """Descriptors, on the CPU, of any places of a photograph; their scores are 1."""
        height, width = image.shape[1:]
        descriptors = sample_map(self.maps(image).descriptors.cpu(), pixels, (height, width))
        return Keypoints2D(pixels, torch.ones(len(pixels)), F.normalize(descriptors, dim=1))

    def save(self, path: Path) -> None:
        """Write the head, and what it needs beside it, as safetensors.

        Raises:
            UserError: the file cannot be written.
        """
        head = self.head
        about = {
            "format": FORMAT,
            "version": VERSION,
            "encoder": self.encoder.spec,
            "encoder_image_size": self.encoder_image_size,
            "fingerprint": self.encoder.fingerprint,
            "prior": self.prior.spec,
            "channels": head.channels,
            "descriptor_dim": head.descriptor_dim,
            "width": head.width,
            "image_size": head.image_size,
        }
        state = {
            name: value.detach().cpu().contiguous() for name, value in head.state_dict().items()
        }
        with whole_file(path) as unfinished:
            save_file(state, unfinished, metadata={"about": json.dumps(about)})


def plain_detector(
    encoder: ImageEncoder, prior: str = "shi-tomasi", max_keypoints: int = 512
) -> PhotoDetector:
    """Keypoints of a detector without learning, described by an encoder's own features.

    Args:
        encoder: describes.
        prior: finds, see `Prior`.
        max_keypoints: of a photograph.

    Raises:
        UserError: the prior is an encoder that cannot be built.
    """
    head = KeypointHead(encoder.channels, encoder.channels, NARROW).to(encoder.device).eval()
    return PhotoDetector(encoder, Prior(prior, encoder.device), head, max_keypoints)


def scene_detector(
    spec: str, prior: str = "shi-tomasi", max_keypoints: int = 512, device: str = "cpu"
) -> PhotoDetector:
    """The same for scenes that shall be condensed; says so if a backbone has no scores to help the prior.

    Args:
        spec: of the encoder, see `photo_encoder`.
        prior: finds.
        max_keypoints: of a photograph.
        device: where it computes.

    Raises:
        UserError: the encoder or the prior cannot be built, or there is no such device.
    """
    encoder = photo_encoder(spec, device)
    if isinstance(encoder, RefinedEncoder) and not encoder.knows_scores:
        Console(stderr=True, highlight=False).print(
            f"{spec} was not trained for keypoint scores: {prior} alone finds keypoints; to train them, go on "
            "with its run, --load-dir … --pipeline.model.objectives sparse",
            style="yellow",
            soft_wrap=True,
        )
    return plain_detector(encoder, prior, max_keypoints)


def load_detector(
    path: Path,
    max_keypoints: int = 1024,
    device: str = "cpu",
    encoder: str | None = None,
    prior: str | None = None,
) -> PhotoDetector:
    """The detector that was saved in a file; its encoder is built anew.

    Args:
        path: the file.
        max_keypoints: of a photograph.
        device: where it computes.
        encoder: its encoder's spec where it is written differently here, e.g. in another folder.
        prior: its prior's, likewise.

    Raises:
        UserError: no such file, another kind or version of file, or an encoder that is missing or other.
    """
    about, state = _read(path)
    if about.get("version") != VERSION:
        raise UserError(
            f"{path} is of version {about.get('version')}, this condense_ns reads {VERSION}; update "
            "condense_ns or export the keypoints again"
        )
    size = about.get("encoder_image_size")
    known_as = str(about.get("encoder"))
    built = photo_encoder(encoder or known_as, device, size)
    if built.fingerprint != about.get("fingerprint"):
        raise UserError(
            f"{path} was trained on {known_as}, and {built.spec} here has other weights or settings; put "
            "them back, name others with --encoder, or train again"
        )
    try:
        sizes = ("channels", "descriptor_dim", "width", "image_size")
        head = KeypointHead(*(int(about[name]) for name in sizes))
        head.load_state_dict(state)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{path} does not hold the weights that it announces; export the keypoints again"
        ) from error
    found = Prior(prior or str(about.get("prior")), device)
    return PhotoDetector(built, found, head.to(device).eval(), max_keypoints, size, known_as)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Metadata and weights.

    Raises:
        UserError: no such file, or not one of ours.
    """
    if not path.is_file():
        raise UserError(
            f"no keypoint head at {path}; export the keypoints of a run, which writes it"
        )
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["about"])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise UserError(
            f"{path} is no keypoint head ({type(error).__name__}); export the keypoints again"
        ) from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise UserError(f"{path} is no keypoint head; export the keypoints again")
    return about, state
