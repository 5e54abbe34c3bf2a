"""A scene's training and held-out photographs, as its data parser describes them, checked."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from nerfstudio.data.dataparsers.base_dataparser import DataParser, DataparserOutputs
from nerfstudio.utils.rich_utils import CONSOLE

from condense_ns.data.scene_checks import at_one_place, check_scene_file, check_split
from condense_ns.data.scene_place import ScenePlace
from condense_ns.errors import UserError

_HELD_OUT_SPLITS = ("test", "val")
_REMEDY = "a list of scenes in YAML that has eval_mode: all beside the path of this one"
_ELSEWHERE = "add photographs from other places"


@dataclass(frozen=True)
class SceneSplits:
    """What a data parser says of a scene."""

    train: DataparserOutputs
    """At least two photographs."""
    held_out: DataparserOutputs
    """Those kept for evaluation, perhaps none."""


def read_splits(place: ScenePlace) -> SceneSplits:
    """Both splits of a scene; of the photographs only the first two are looked at.

    Raises:
        UserError: the scene cannot be used; the message begins with its name.
    """
    parser = place.parser()
    try:
        check_scene_file(place.folder)
        with _host_is_quiet():
            train = parser.get_dataparser_outputs(split="train")
            held_out = _held_out(parser)
        if len({*train.image_filenames, *held_out.image_filenames}) == 1:
            raise UserError(f"it has a single photograph; {_ELSEWHERE}")
        check_split(replace(train, image_filenames=train.image_filenames[:2]), "train", _REMEDY)
        _check_places(train)
    except UserError as error:
        raise UserError(f"scene {place.name}: {error}") from error
    except ZeroDivisionError as error:  # data parsers divide by the size of the cameras' path
        raise UserError(
            f"scene {place.name} has a single photograph, or all its cameras stand at one place; "
            f"{_ELSEWHERE}"
        ) from error
    except Exception as error:
        told = " ".join(str(error).split())  # some data parsers use several lines
        raise UserError(
            f"scene {place.name} in {place.folder} cannot be read as {place.dataparser} "
            f"({type(error).__name__}: {told}); mend it or drop it from the list"
        ) from error
    return SceneSplits(train, held_out)


def _check_places(train: DataparserOutputs) -> None:
    """Refuse cameras at one place; data parsers scale what rounding leaves of their path to 1."""
    scaled = train.cameras.camera_to_worlds[:, :, 3].double() / train.dataparser_scale
    turned = scaled - train.dataparser_transform[:, 3]  # as in the files, but for a rotation
    if at_one_place(turned.numpy()):
        raise UserError(f"all its cameras stand at one place; {_ELSEWHERE}")


def _held_out(parser: DataParser) -> DataparserOutputs:
    """The split for testing, else the one for validation, else nothing."""
    for split in _HELD_OUT_SPLITS:
        with suppress(RuntimeError, OSError, AssertionError):  # this scene has no such split
            return parser.get_dataparser_outputs(split=split)
    train = parser.get_dataparser_outputs(split="train")
    empty = replace(train, image_filenames=[], mask_filenames=None, cameras=train.cameras[:0])
    return replace(empty, metadata={})


@contextmanager
def _host_is_quiet() -> Iterator[None]:
    """Data parsers tell of every scene which files they use; among many scenes that is noise."""
    before, CONSOLE.quiet = CONSOLE.quiet, True
    try:
        yield
    finally:
        CONSOLE.quiet = before


def same_file_indices(files: list[Path]) -> dict[Path, int]:
    """Place of each file in the list; the first one where it stands twice."""
    places: dict[Path, int] = {}
    for index, file in enumerate(files):
        places.setdefault(Path(file), index)
    return places
