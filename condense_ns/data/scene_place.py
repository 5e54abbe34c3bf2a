"""Where a scene lies and which of nerfstudio's data parsers reads it."""

from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from nerfstudio.configs.dataparser_configs import all_dataparsers
from nerfstudio.data.dataparsers.base_dataparser import DataParser

from condense_ns.errors import UserError

_MARKS = {
    "transforms.json": "nerfstudio-data",
    "transforms_train.json": "blender-data",
    "colmap": "colmap",
    "sparse": "colmap",
}
"""What lies in a scene's folder -> the data parser that reads it; the first one found counts."""


@dataclass(frozen=True)
class ScenePlace:
    """One scene on disk."""

    name: str
    """Different for all scenes of a list."""
    folder: Path
    """What the data parser gets as `data`."""
    dataparser: str
    """As nerfstudio calls it on the command line, e.g. nerfstudio-data."""
    options: dict[str, Any] = field(default_factory=dict)
    """Fields of the data parser's config that differ from its own defaults."""

    def parser(self) -> DataParser:
        """The data parser of this scene, ready to be asked.

        Raises:
            UserError: unknown data parser, or unknown options.
        """
        if self.dataparser not in all_dataparsers:
            raise UserError(
                f"scene {self.name}: unknown dataparser {self.dataparser}; choose one of "
                f"{', '.join(sorted(all_dataparsers))}"
            )
        config = deepcopy(all_dataparsers[self.dataparser])
        known = {entry.name for entry in fields(config)} - {"_target", "data"}
        for option in self.options:
            if option not in known:
                raise UserError(
                    f"scene {self.name}: {self.dataparser} has no option {option}; choose among "
                    f"{', '.join(sorted(known))}"
                )
        options = {name: self._typed(config, name) for name in self.options}
        try:
            return replace(config, data=self.folder, **options).setup()
        except Exception as error:
            raise UserError(
                f"scene {self.name}: {self.dataparser} refuses its options {self.options} ({error}); "
                "mend them in the list"
            ) from error

    def _typed(self, config: object, name: str) -> Any:
        """An option as its field has it: lists become tuples, text becomes a path where one is."""
        value = self.options[name]
        if isinstance(value, list):
            return tuple(value)
        return Path(value) if isinstance(getattr(config, name), Path) else value


def recognised_place(folder: Path, name: str | None = None) -> ScenePlace | None:
    """The scene in a folder, if what lies there says how to read it."""
    for mark, dataparser in _MARKS.items():
        if (folder / mark).exists():
            return ScenePlace(
                name or folder.name, folder, dataparser, _colmap_options(folder, mark)
            )
    return None


def _colmap_options(folder: Path, mark: str) -> dict[str, Any]:
    """Images are reduced when they are read; COLMAP's parser would ask on the terminal instead.

    The mapper writes models into `sparse/0` and so on, `image_undistorter` its one into `sparse`.
    """
    if _MARKS[mark] != "colmap":
        return {}
    options: dict[str, Any] = {"downscale_factor": 1}
    if mark != "sparse":
        return options
    alone = any((folder / mark / name).exists() for name in ("cameras.bin", "cameras.txt"))
    return options | {"colmap_path": mark if alone else f"{mark}/0"}
