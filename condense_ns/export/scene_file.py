"""A scene descriptor as one ``.npz`` file that can be taken from strangers: arrays and JSON, nothing to run."""

from pathlib import Path

from condense_ns.export.described_arrays import DescribedArrays
from condense_ns.keypoints.scene_arrays import arrays_of, check, metadata_of, scene_of
from condense_ns.tensors import SceneDescriptor

_FILE = DescribedArrays("condense scene", 1, "scene file", "describe the scene anew", check)


def write_scene_file(path: Path, scene: SceneDescriptor) -> None:
    """Write a descriptor; `path` is never left half-written, and equal scenes give equal bytes.

    Args:
        path: the file, by custom with the ending ``.npz``; its folder is made if missing.
        scene: what to write. Vectors are kept in half precision, places in single precision from the
            middle of the scene.

    Raises:
        UserError: the file cannot be written, or the descriptor is not sound.
        TypeError: its provenance holds something that JSON cannot hold.
        ValueError: its provenance holds NaN or infinity.
    """
    _FILE.write(path, arrays_of(scene), metadata_of(scene))


def read_scene_file(path: Path) -> SceneDescriptor:
    """The scene in a file of `write_scene_file`, which is checked in every detail.

    Raises:
        UserError: no such file, or one that is damaged, of a newer version or no sound scene.
    """
    return scene_of(*_FILE.read(path))


def is_scene_file(path: Path) -> bool:
    """Whether a file says that it holds a scene descriptor, sound or not.

    Raises:
        UserError: no such file, or a damaged one.
    """
    return _FILE.announces(path)
