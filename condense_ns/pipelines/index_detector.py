"""What finds and describes keypoints of photographs as an index of scenes has them."""

from pathlib import Path

from condense_ns.encoders.base import ImageEncoder
from condense_ns.errors import UserError
from condense_ns.keypoints.keypoint_set import HEAD
from condense_ns.pipelines.photo_detector import PhotoDetector, load_detector, plain_detector
from condense_ns.pipelines.refined_encoder import photo_encoder
from condense_ns.pipelines.scene_describing import head_source
from condense_ns.retrieval.scene_index import SceneIndex
from condense_ns.tensors import FeatureSource


def index_detector(
    index: SceneIndex,
    encoder: str | None = None,
    head: Path | None = None,
    prior: str | None = None,
    max_keypoints: int = 1024,
    image_size: int | None = None,
    device: str = "cpu",
) -> PhotoDetector:
    """The detector whose descriptors are those of an index.

    Args:
        index: of scenes.
        encoder: spec of the index's encoder where it is written differently here, e.g. in another folder.
        head: file of the keypoint head, for an index of a head's descriptors.
        prior: detector; None: shi-tomasi for an index of an encoder's descriptors, and a head's own.
        max_keypoints: of a photograph.
        image_size: longest side in pixels that the encoder of the index saw; None for its default.
        device: where it computes.

    Raises:
        UserError: another encoder or head than the index's, or one that cannot be built.
    """
    known = index.contents.descriptors.source
    if known.spec != HEAD:
        built = known_encoder(index, known, encoder, image_size, device)
        return plain_detector(built, prior or "shi-tomasi", max_keypoints)
    if head is None:
        raise UserError(
            f"descriptors of {index.place} are of a keypoint head; say with --head where its file is"
        )
    _require_same(index, known, head_source(head))
    return load_detector(head, max_keypoints, device, encoder, prior)


def known_encoder(
    index: SceneIndex,
    known: FeatureSource,
    spec: str | None = None,
    image_size: int | None = None,
    device: str = "cpu",
) -> ImageEncoder:
    """The encoder that made vectors of an index.

    Args:
        index: of scenes.
        known: what the index says of the encoder.
        spec: how the encoder is called here; None: as it was called when the index was made.
        image_size: longest side in pixels that it saw; None for its default.
        device: where it computes.

    Raises:
        UserError: it is another one, or it cannot be built.
    """
    built = photo_encoder(spec or known.spec, device, image_size)
    _require_same(index, known, FeatureSource(built.spec, built.fingerprint))
    return built


def _require_same(index: SceneIndex, known: FeatureSource, own: FeatureSource) -> None:
    if known.fingerprint != own.fingerprint:
        raise UserError(
            f"{index.place} was made with {known.spec} ({known.fingerprint[:12]}), here is {own.spec} "
            f"({own.fingerprint[:12]}); use the weights and settings that the index was made with "
            "(--encoder, --encoder-image-size)"
        )
