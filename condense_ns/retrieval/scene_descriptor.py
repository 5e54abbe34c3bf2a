"""A keypoint set -> what represents its scene in a repository.

Descriptors of different scenes can be compared only if one network made them: either those of an
encoder, which every set has, or those of a head that all scenes share.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Float64, Int64, UInt8
from torch import Tensor
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.geometry.projection import Camera
from condense_ns.geometry.similarity import Similarity
from condense_ns.keypoints.keypoint_set import HEAD, Keypoints3D, Observations, SeenView
from condense_ns.retrieval.relevancy import mean_direction
from condense_ns.tensors import FeatureSource, SceneDescriptor, SceneRegions

REGIONS = 24
"""Most parts that a scene is cut into for words."""
ROUNDS = 10
NEARNESS = 2.0
"""How much places count beside looks: a scene's whole extent as much as so many cosines."""
THUMBNAIL = (72, 96)
"""Height and width in pixels of a picture that is made of keypoints alone."""
NO_DRIFT = 1e-5
"""Of the scene's extent: poses that differ by less are the same."""


@dataclass(frozen=True)
class DescriptorChoice:
    """Which features of a keypoint set represent its scene."""

    descriptors: FeatureSource
    """Those that photographs are matched with: `head`, or one of the encoders."""
    encoders: tuple[FeatureSource, ...]
    """Those that are pooled over the scene."""
    language: FeatureSource | None = None
    """The encoder that words are asked of."""


def describe_scene(
    name: str,
    keypoints: Keypoints3D,
    choice: DescriptorChoice,
    thumbnail: UInt8[Tensor, "height width 3"] | None = None,
    provenance: dict[str, Any] | None = None,
) -> SceneDescriptor:
    """The descriptor of a scene, in its dataset's coordinates.

    Args:
        name: of the scene.
        keypoints: of the scene, at least one.
        choice: which of their features are taken.
        thumbnail: a small picture; None draws the keypoints.
        provenance: where the scene comes from.

    Raises:
        UserError: no keypoints, or a set that lacks the features.
    """
    if not len(keypoints):
        raise UserError(f"the scene {name} has no keypoints; condense it with a lower --min-score")
    keypoints = keypoints.in_frame("dataset")
    features = keypoints.descriptors
    wanted = [choice.descriptors, *choice.encoders, *filter(None, [choice.language])]
    for source in wanted:
        if source.spec not in features:
            raise UserError(
                f"the scene {name} has no features of {source.spec}, only of "
                f"{', '.join(features) or 'nothing'}; choose one of them or condense it anew"
            )
    return SceneDescriptor(
        name=name,
        xyz=keypoints.xyz,
        descriptors=features[choice.descriptors.spec],
        source=choice.descriptors,
        embeddings={
            source.spec: mean_direction(features[source.spec]) for source in choice.encoders
        },
        fingerprints={source.spec: source.fingerprint for source in choice.encoders},
        box=torch.stack([keypoints.xyz.amin(dim=0), keypoints.xyz.amax(dim=0)]),
        thumbnail=drawn_keypoints(keypoints) if thumbnail is None else thumbnail,
        regions=_regions(keypoints, choice.language),
        poses=_drift(keypoints),
        provenance=provenance or {},
    )


def as_keypoints(scene: SceneDescriptor) -> Keypoints3D:
    """What `retrieval.localization` needs of a scene; its descriptors are called `head`.

    What a descriptor does not keep (colours, scores, who saw what, the lenses) is filled with nothing.
    """
    count, nothing = len(scene.xyz), torch.zeros(0, dtype=torch.long)
    poses = scene.poses if scene.poses is not None else torch.zeros(0, 2, 3, 4).double()
    views = tuple(SeenView("", _lensless(agreed), given) for agreed, given in poses)
    return Keypoints3D(
        xyz=scene.xyz,
        scores=torch.ones(count),
        descriptors={HEAD: scene.descriptors},
        colours=torch.zeros(count, 3),
        normals=torch.zeros(count, 3),
        scales=torch.zeros(count),
        uncertainty=torch.zeros(count),
        observations=Observations(nothing, nothing, torch.zeros(0, 2)),
        views=views,
        frame="dataset",
        to_dataset=Similarity.identity(),
    )


def _lensless(pose: Float64[Tensor, "3 4"]) -> Camera:
    """A camera of which the pose alone means something."""
    return Camera(pose, torch.ones(2), torch.zeros(2), torch.zeros(6), 1, 1)


def _drift(keypoints: Keypoints3D) -> Float64[Tensor, "views 2 3 4"] | None:
    """Both poses of every view where any of them differ; in turns these are at most 2."""
    if not keypoints.views:
        return None
    pairs = [(view.camera.camera_to_world, view.given_pose) for view in keypoints.views]
    poses = torch.stack([torch.stack([pose.double() for pose in pair]) for pair in pairs])
    differences = (poses[:, 0] - poses[:, 1]).abs()
    extent = torch.linalg.vector_norm(keypoints.xyz.amax(dim=0) - keypoints.xyz.amin(dim=0))
    moved = differences[..., 3].max() > NO_DRIFT * extent
    turned = differences[..., :3].max() > NO_DRIFT
    return poses if bool(moved | turned) else None


def _regions(keypoints: Keypoints3D, language: FeatureSource | None) -> SceneRegions | None:
    """Keypoints that are near each other and look alike, grouped."""
    if language is None:
        return None
    features, xyz = keypoints.descriptors[language.spec], keypoints.xyz
    middle = xyz.mean(dim=0)
    extent = torch.linalg.vector_norm(xyz - middle, dim=1).amax().clamp_min(1e-12)
    places = NEARNESS * ((xyz - middle) / extent).float()
    groups = grouped(torch.cat([places, F.normalize(features)], dim=1), REGIONS)
    middles, radii, embeddings = [], [], []
    for group in groups.unique():
        inside = groups == group
        centre = xyz[inside].mean(dim=0)
        middles.append(centre)
        radii.append(torch.linalg.vector_norm(xyz[inside] - centre, dim=1).quantile(0.9))
        embeddings.append(mean_direction(features[inside]))
    return SceneRegions(
        torch.stack(middles), torch.stack(radii).float(), torch.stack(embeddings), language
    )


def grouped(vectors: Float[Tensor, "vectors numbers"], count: int) -> Int64[Tensor, " vectors"]:
    """Number of the group of each vector: k-means from seeds far from each other (Gonzalez 1985).

    Args:
        vectors: at least one.
        count: most groups.
    """
    seeds = [0]
    nearest = torch.cdist(vectors[:1], vectors)[0]
    while len(seeds) < min(count, len(vectors)) and float(nearest.max()) > 0.0:
        seeds.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, torch.cdist(vectors[seeds[-1:]], vectors)[0])
    centres = vectors[seeds]
    groups = torch.cdist(vectors, centres).argmin(dim=1)
    for _ in range(ROUNDS):
        sums = torch.zeros_like(centres).index_add_(0, groups, vectors)
        sizes = torch.bincount(groups, minlength=len(centres))[:, None]
        centres = torch.where(sizes > 0, sums / sizes.clamp_min(1), centres)
        groups = torch.cdist(vectors, centres).argmin(dim=1)
    return groups


def drawn_keypoints(keypoints: Keypoints3D) -> UInt8[Tensor, "height width 3"]:
    """The keypoints from above (or along their thinnest side) as dots in their colours."""
    height, width = THUMBNAIL
    picture = torch.full((height, width, 3), 24, dtype=torch.uint8)
    centred = keypoints.xyz - keypoints.xyz.mean(dim=0)
    _, axes = torch.linalg.eigh(centred.T @ centred)  # in columns, the widest side last
    flat = centred @ axes.flip(1)[:, :2]
    low, extent = flat.amin(dim=0), (flat.amax(dim=0) - flat.amin(dim=0)).clamp_min(1e-12)
    scale = float(min((width - 4) / extent[0], (height - 4) / extent[1]))
    size = torch.tensor([width, height])
    pixels = ((flat - low - extent / 2) * scale + size / 2).long()
    colours = (keypoints.colours.clamp(0.0, 1.0) * 255).round().to(torch.uint8)
    for across, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        x, y = (
            (pixels[:, 0] + across).clamp(0, width - 1),
            (pixels[:, 1] + down).clamp(0, height - 1),
        )
        picture[y, x] = colours
    return picture
