"""Images -> stored feature maps: what is stored already is kept, the rest is encoded now.

One image is encoded while the next ones are read and the last one is written, so that neither the disk
nor the decoder of the images keeps the encoder waiting, and so that memory holds a handful of images
however many there are. Encoders that bear it encode two images at once: a small network alone cannot
keep two cores busy.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from rich.console import Console
from rich.progress import track
from torch import Tensor

from condense_ns.cache.compression import PcaBasis, fit_pca, load_basis, save_basis
from condense_ns.cache.grouped_writer import GROUP_MAPS, GroupedWriter
from condense_ns.cache.key import image_key, store_folder_name
from condense_ns.cache.lookup import StoredMaps
from condense_ns.cache.store import BYTES_PER_NUMBER, FeatureStore, NewMap, StoreIdentity
from condense_ns.cache.store_error import StoreError
from condense_ns.encoders.base import MapMaker

BASIS_IMAGES = 32
"""Images, spread evenly over the scene, that a compression is fitted to."""
AHEAD, SIDE_BY_SIDE = 3, 2
"""Images in memory that wait to be encoded or stored; images that are encoded at once."""


@dataclass(frozen=True)
class ImageSource:
    """One image as the encoder shall see it."""

    path: Path
    """File whose content is part of the key."""
    height: int
    """Pixels."""
    width: int
    """Pixels."""
    load: Callable[[], Float[Tensor, "3 height width"]]
    """Reads the pixels, RGB in [0, 1]."""
    variant: str = ""
    """Whatever else changes the pixels, e.g. the background colour behind a transparent image."""


def extract(
    encoder: MapMaker,
    sources: list[ImageSource],
    root: Path,
    scene: str,
    components: int | None = None,
) -> StoredMaps:
    """The feature maps of images, in their order; only those not yet stored are encoded.

    Args:
        encoder: what encodes.
        sources: at least one image.
        root: folder of the scene's stores; this encoder's is made in it.
        scene: name of the scene; a compressed store that was made for another one is refused unless
            it holds some of the images, as it does after the scene was renamed.
        components: compress cells to that many principal components, or None.

    Raises:
        StoreError: an unreadable image, an encoder that answers nonsense, a damaged store, too
            little space.
    """
    folder = root / store_folder_name(encoder.spec, encoder.fingerprint, components)
    width = encoder.channels if components is None else components
    if components is not None and not 1 <= components <= encoder.channels:
        raise StoreError(
            f"feature components is {components}, but {encoder.spec} has {encoder.channels} "
            f"channels: choose 1 to {encoder.channels}"
        )
    store = FeatureStore(folder, StoreIdentity(encoder.spec, encoder.fingerprint, width, scene))
    keys = [image_key(source.path, source.variant) for source in sources]
    known = store.index.entries()
    missing = {key: at for key, at in zip(keys, sources, strict=True) if key not in known}
    if components is not None and known and known.keys().isdisjoint(keys):
        _check_compression(store)
    if missing:
        grids = [encoder.grid_size(source.height, source.width) for source in missing.values()]
        store.check_space(sum(rows * columns for rows, columns in grids))
    basis = None if components is None else _basis(encoder, sources, store, components)
    if missing:
        _fill(store, encoder, missing, basis)
        known = store.index.entries()
    sizes = [(source.height, source.width) for source in sources]
    return StoredMaps(store.matrix(), [known[key] for key in keys], sizes, basis)


def _check_compression(store: FeatureStore) -> None:
    """Refuse a compression that was fitted to another scene, whose features it may spoil.

    Raises:
        StoreError: the store was made for a scene of another name.
    """
    fitted, scene = store.index.header()["scene"], store.identity.scene
    if fitted != scene:
        raise StoreError(
            f"the feature store {store.folder} compresses features as it suits the scene {fitted} "
            f"and holds no image of {scene}; delete it or choose another folder with "
            "--pipeline.datamanager.feature-store"
        )


def _basis(
    encoder: MapMaker, sources: list[ImageSource], store: FeatureStore, components: int
) -> PcaBasis:
    """The store's compression, fitted to some of the images when it is new."""
    file = store.folder / "basis.safetensors"
    if not file.exists() and not store.index.entries():
        spread = torch.linspace(0, len(sources) - 1, min(BASIS_IMAGES, len(sources)))
        chosen = [sources[position] for position in spread.round().long().tolist()]
        maps = (_feature_map(encoder, source, _loaded(source)) for source in chosen)
        described = f"Fitting {components} components of {encoder.spec}"
        fitted = fit_pca(track(maps, described, total=len(chosen)), components)
        with store.index.locked():
            if not file.exists():  # another process may have been quicker, and used its own
                save_basis(fitted, file)
    basis = load_basis(file)
    Console().print(
        f"{components} of {encoder.channels} components keep {basis.explained_share:.1%} "
        f"of the variance of {encoder.spec}"
    )
    return basis


def _fill(
    store: FeatureStore,
    encoder: MapMaker,
    missing: dict[str, ImageSource],
    basis: PcaBasis | None,
) -> None:
    """Encode and store the missing images, with an estimate first and a progress bar."""
    start = time.perf_counter()
    with GroupedWriter(store) as writer:
        for number, (key, source, feature_map) in enumerate(_encoded(encoder, missing)):
            if number == 0:
                seconds = (time.perf_counter() - start) / _at_once(encoder)
                Console().print(_estimate(store, encoder, list(missing.values()), seconds))
            cells = feature_map if basis is None else basis.project(feature_map)
            writer.add(NewMap(key, str(source.path), cells.half()))


def _encoded(
    encoder: MapMaker, missing: dict[str, ImageSource]
) -> Iterator[tuple[str, ImageSource, Float[Tensor, "rows columns channels"]]]:
    """Keys, images and their maps; the next images are read meanwhile, or encoded already."""
    items = list(missing.items())
    begin: Callable[[ImageSource], Tensor] = (
        partial(_read_and_encoded, encoder) if encoder.concurrent else _loaded
    )
    with ThreadPoolExecutor(_at_once(encoder)) as pool:
        ahead = deque(pool.submit(begin, source) for _, source in items[:AHEAD])
        for number in track(
            range(len(items)), f"Encoding with {encoder.spec}", refresh_per_second=2
        ):
            begun = ahead.popleft().result()
            if number + AHEAD < len(items):
                ahead.append(pool.submit(begin, items[number + AHEAD][1]))
            key, source = items[number]
            yield (
                key,
                source,
                begun if encoder.concurrent else _feature_map(encoder, source, begun),
            )


def _at_once(encoder: MapMaker) -> int:
    """How many images are encoded side by side."""
    return SIDE_BY_SIDE if encoder.concurrent else 1


def _read_and_encoded(
    encoder: MapMaker, source: ImageSource
) -> Float[Tensor, "rows columns channels"]:
    return _feature_map(encoder, source, _loaded(source))


def _feature_map(
    encoder: MapMaker, source: ImageSource, image: Float[Tensor, "3 height width"]
) -> Float[Tensor, "rows columns channels"]:
    """What the encoder answers for an image.

    Raises:
        StoreError: a map of another size than promised, or one with NaN or infinity.
    """
    feature_map = encoder.encode(image[None])[0]
    expected = (*encoder.grid_size(source.height, source.width), encoder.channels)
    if tuple(feature_map.shape) != expected:
        raise StoreError(
            f"{encoder.spec} answers {tuple(feature_map.shape)} for {source.path}, expected "
            f"{expected} (rows, columns, channels); choose another output"
        )
    if not feature_map.isfinite().all():
        raise StoreError(
            f"{encoder.spec} answers NaN or infinity for {source.path}; check that image, or choose "
            "another output of the encoder"
        )
    return feature_map


def _loaded(source: ImageSource) -> Float[Tensor, "3 height width"]:
    """The pixels of an image.

    Raises:
        StoreError: it cannot be read, or has not the size that was promised.
    """
    try:
        image = source.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise StoreError(
            f"image {source.path} cannot be read ({error}); restore it or drop it from the scene"
        ) from error
    if tuple(image.shape) != (3, source.height, source.width):
        raise StoreError(
            f"image {source.path} is {image.shape[-1]} x {image.shape[-2]} pixels but its camera is "
            f"{source.width} x {source.height}; mend the camera's w and h"
        )
    return image


def _estimate(
    store: FeatureStore, encoder: MapMaker, sources: list[ImageSource], seconds_each: float
) -> str:
    """One line: disk, memory and time of encoding these images, each of which takes so long."""
    grids = [encoder.grid_size(source.height, source.width) for source in sources]
    cells = [rows * columns for rows, columns in grids]
    width = store.identity.width
    disk = sum(cells) * width * BYTES_PER_NUMBER
    largest_image = max(12 * source.height * source.width for source in sources)
    memory = (AHEAD + 1) * largest_image + 4 * max(cells) * (encoder.channels + GROUP_MAPS * width)
    return (
        f"{len(sources)} images to encode with {encoder.spec} ({encoder.channels} channels): "
        f"{disk / 1e6:.0f} MB on disk in {store.folder}, {memory / 1e6:.0f} MB of memory beside "
        f"the encoder, about {seconds_each * len(sources):.0f} s; kept for later runs"
    )
