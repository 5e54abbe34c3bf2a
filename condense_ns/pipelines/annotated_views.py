"""The held-out views of an annotated scene, with what the run and its rivals say of every pixel."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from condense_ns.annotations import SceneAnnotations, read_annotations
from condense_ns.errors import UserError
from condense_ns.geometry.interpolation import sample_map
from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from condense_ns.pipelines.held_out_views import MIN_OPACITY
from condense_ns.pipelines.ray_caster import RayCaster

FIELD = "feature field"
ON_PHOTOGRAPH = "encoder on the photograph"
ON_RENDERED = "encoder on the rendered image"
ROWS = (FIELD, ON_RENDERED, ON_PHOTOGRAPH)
"""Who is asked; the encoder on the photograph sees what nobody else sees, the view itself."""


@dataclass(frozen=True)
class AnnotatedView:
    """One held-out view."""

    image: Path
    photograph: Float[Tensor, "height width 3"]
    rendered: Float[Tensor, "height width 3"]
    depth: Float[Tensor, "height width"]
    """Of the run, along the optical axis, scene units."""
    opaque: Bool[Tensor, "height width"]
    """Where the run meets a surface; elsewhere the field has no answer."""
    features: dict[str, Float[Tensor, "height width channels"]]
    """For each of `ROWS`."""
    classes: Int64[Tensor, "height width"]
    """Class numbers of the annotations."""
    instances: Int64[Tensor, "height width"] | None
    """Numbers of things of the annotations, if they have any."""


def annotations_of(pipeline: FeaturePipeline) -> SceneAnnotations | None:
    """The annotations of a run's scene, None if it has none.

    Raises:
        UserError: they cannot be read.
    """
    path = pipeline.datamanager.get_datapath()
    return read_annotations(path if path.is_dir() else path.parent)


@torch.no_grad()
def annotated_views(
    pipeline: FeaturePipeline, spec: str, annotations: SceneAnnotations
) -> Iterator[AnnotatedView]:
    """The held-out views that have a class map.

    Args:
        pipeline: a trained run, in evaluation mode.
        spec: the encoder that is asked.
        annotations: of its scene.

    Raises:
        UserError: a map of another size than its photograph, or no map for any view.
    """
    data = pipeline.datamanager
    caster = RayCaster(pipeline.model, data.eval_dataset.cameras)
    found = 0
    for index, image in enumerate(data.eval_dataset.image_filenames):
        classes = annotations.class_map(Path(image))
        if classes is None:
            continue
        found += 1
        things = annotations.instance_map(Path(image))
        view = _view(pipeline, caster, spec, index)
        if classes.shape != view.rendered.shape[:2]:
            raise UserError(
                f"the class map of {Path(image).name} has {classes.shape[1]} x {classes.shape[0]} pixels, "
                f"its photograph {view.rendered.shape[1]} x {view.rendered.shape[0]}; make them equal"
            )
        yield AnnotatedView(
            **vars(view),
            classes=torch.from_numpy(classes),
            instances=None if things is None else torch.from_numpy(things),
        )
    if not found:
        raise UserError(
            f"{annotations.folder} has no class map of a held-out view; add classes/<image>.png"
        )


@dataclass(frozen=True)
class _Seen:
    """What needs no annotations."""

    image: Path
    photograph: Tensor
    rendered: Tensor
    depth: Tensor
    opaque: Tensor
    features: dict[str, Tensor]


def _view(pipeline: FeaturePipeline, caster: RayCaster, spec: str, index: int) -> _Seen:
    data = pipeline.datamanager
    photograph = data.eval_dataset.get_image_float32(index)[..., :3]
    height, width = photograph.shape[:2]
    places = torch.cartesian_prod(torch.arange(height) + 0.5, torch.arange(width) + 0.5)
    pixels = places.flip(-1)
    rays = caster.at(torch.full((len(pixels),), index), pixels)
    size = (height, width)
    rendered = rays["rgb"].clamp(0.0, 1.0).reshape(*size, 3)
    encoder = data.teachers[spec]
    maps = {
        ON_PHOTOGRAPH: data.maps("eval", spec).map(index),
        ON_RENDERED: encoder.encode(rendered.permute(2, 0, 1)[None])[0].cpu(),
    }
    features = {name: sample_map(found, pixels, size) for name, found in maps.items()}
    features[FIELD] = rays[spec]
    return _Seen(
        image=Path(data.eval_dataset.image_filenames[index]),
        photograph=photograph,
        rendered=rendered,
        depth=rays["z_depth"].reshape(size),
        opaque=(rays["accumulation"] >= MIN_OPACITY).reshape(size),
        features={name: features[name].reshape(*size, -1) for name in ROWS},
    )
