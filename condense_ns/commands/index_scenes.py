"""`condense index`: a repository of scenes; add, remove, list, verify."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from condense_ns.commands.index_place import IndexPlace, settings
from condense_ns.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from condense_ns.retrieval.scene_damage import Damage
    from condense_ns.retrieval.scene_index import SceneIndex


@dataclass(kw_only=True)
class IndexAdd(IndexPlace):
    """Add scenes to an index; the first one begins it.

    A scene is a keypoint file (keypoints.npz of `condense export keypoints`), a scene file, or a scene's folder, of
    which no run is needed: its depth images, points or photographs tell where things are. All scenes of an index
    are described by the same encoders. Several processes may add at once, and one that is killed leaves whole scenes only.
    """

    scenes: tyro.conf.Positional[tuple[Path, ...]]
    """Files or folders of scenes."""
    name: str | None = None
    """Name of a single scene; None takes that of its folder."""
    descriptors: str | None = None
    """Encoder whose features photographs are matched with; backbone:<file> (or backbone:shipped, which comes with
    the package) for what a backbone of condense-pretrain makes of an encoder's; head for a keypoint head that all
    scenes share. None takes the first encoder of a keypoint file."""
    language: str | None = None
    """Encoder that words are asked of, one of a keypoint file's; backbone:<file>?words for a backbone's. None: the
    index answers no words."""
    prior: str = "shi-tomasi"
    """Detector of keypoints in folders: shi-tomasi, dog, or an encoder of keypoint logits."""
    count: int = 512
    """Largest number of keypoints of a scene."""
    thumbnail: Path | None = None
    """Picture of a single scene; None takes a photograph of a folder, or draws the keypoints."""
    device: str = "cpu"
    """Where encoders compute for folders, e.g. cuda."""
    skip: bool = False
    """Go on with the other scenes where one cannot be used, and tell at the end."""

    def main(self) -> None:
        """Describe, add, bring the vector index up to date."""
        self._check()
        from condense_ns.pipelines.scene_describing import Describing, SceneDescriber
        from condense_ns.retrieval.scene_index import SceneIndex

        how = Describing(self.descriptors, self.language, self.prior, self.count, self.device)
        describer, options = SceneDescriber(how), settings(self.storage_options)
        index = SceneIndex.open_if_there(self.index, options)
        thumbnail = self._thumbnail()
        if not self.skip:
            self._check_names([describer.name_of(path) for path in self.scenes], index)
        added, refused = [], {}
        for path in track(self.scenes, "Adding scenes", console=Console(stderr=True)):
            try:
                name = self.name or describer.name_of(path)
                if index is not None and name is not None:
                    index.require_free(name)
                scene = describer.describe(path, self.name)
                scene = scene if thumbnail is None else replace(scene, thumbnail=thumbnail)
                index = index or SceneIndex.open_or_create(self.index, scene, options)
                index.add(scene)
                added.append(scene.name)
            except UserError as error:
                if not self.skip:
                    raise
                refused[str(path)] = str(error)
        built = index.build() if index else []
        self._tell(added, refused, len(index) if index else 0, built)

    def _check(self) -> None:
        from condense_ns.encoders import check_device
        from condense_ns.keypoints.scene_arrays import LONGEST_NAME, is_name

        check_device(self.device)
        if not self.scenes:
            raise UserError("give at least one scene: a keypoint file, a scene file or a folder")
        if len(self.scenes) > 1 and (self.name is not None or self.thumbnail is not None):
            raise UserError("--name and --thumbnail are for a single scene")
        if self.name is not None and not is_name(self.name):
            raise UserError(f"--name is {self.name!r}; give 1 to {LONGEST_NAME} printable letters")
        if self.count < 1:
            raise UserError(f"--count is {self.count}, it must be 1 or more")

    def _check_names(self, names: "list[str | None]", index: "SceneIndex | None") -> None:
        """Tell of taken names before the first of several scenes is described.

        Args:
            names: of the scenes; None where a file has it inside.
            index: that there is.

        Raises:
            UserError: a name is taken, or two scenes have it.
        """
        known = [name for name in names if name is not None] if self.name is None else [self.name]
        for name in known:
            if known.count(name) > 1:
                raise UserError(
                    f"two scenes are called {name}; add one of them by itself, with a --name"
                )
            if index is not None:
                index.require_free(name)

    def _thumbnail(self) -> "Tensor | None":
        """The picture that was asked for, small."""
        if self.thumbnail is None:
            return None
        from condense_ns.pipelines.scene_describing import thumbnail_of
        from condense_ns.retrieval.photograph import read_picture

        return thumbnail_of(read_picture(self.thumbnail))

    def _tell(
        self, added: list[str], refused: dict[str, str], total: int, built: list[str]
    ) -> None:
        if self.json:
            answer = {"added": added, "refused": refused, "scenes": total, "built": built}
            print(json.dumps(answer, indent=2))
            return
        console = Console(highlight=False)
        for reason in refused.values():
            console.print(f"left out: {reason}", soft_wrap=True)
        console.print(f"{_counted(len(added))} added; {self.index} holds {_counted(total)}")


@dataclass(kw_only=True)
class IndexRemove(IndexPlace):
    """Remove scenes from an index."""

    names: tyro.conf.Positional[tuple[str, ...]]
    """Names of the scenes."""

    def main(self) -> None:
        """Remove them, or none of them if one is not there."""
        if not self.names:
            raise UserError(
                "give the names of the scenes to remove; condense index list tells them"
            )
        index = self.opened()
        missing = set(self.names) - set(index.all_names())
        if missing:
            told = ", ".join(map(repr, sorted(missing)))
            raise UserError(f"{self.index} has no scene {told}; see condense index list")
        for name in dict.fromkeys(self.names):
            index.remove(name)
        if self.json:
            print(json.dumps({"removed": sorted(set(self.names)), "scenes": len(index)}, indent=2))
            return
        console = Console(highlight=False)
        console.print(f"{_counted(len(set(self.names)))} removed; {_counted(len(index))} left")


@dataclass(kw_only=True)
class IndexList(IndexPlace):
    """List the scenes of an index: keypoints, extent, encoders."""

    def main(self) -> None:
        """Print them."""
        index = self.opened()
        records = index.records()
        if self.json:
            rows = [
                {
                    "name": record.name,
                    "keypoints": record.keypoints,
                    "box": record.box,
                    **json.loads(record.metadata),
                }
                for record in records
            ]
            print(json.dumps(rows, indent=2))
            return
        table = Table("scene", "keypoints", "extent", "descriptors", "words", title=self.index)
        for record in records:
            about, box = json.loads(record.metadata), record.box
            extent = " x ".join(
                f"{high - low:.2f}" for low, high in zip(box, box[3:], strict=False)
            )
            words = about["language"]["spec"] if about["language"] else ""
            table.add_row(
                record.name, str(record.keypoints), extent, about["source"]["spec"], words
            )
        Console(highlight=False).print(table)


@dataclass(kw_only=True)
class IndexVerify(IndexPlace):
    """Read every scene of an index and check everything in it; fails if something is wrong.

    A scene that cannot be read stops all searches: put its file back, or give --drop-unreadable True.
    """

    drop_unreadable: bool = False
    """Afterwards remove the scenes that cannot be read; those that can be, damaged or not, stay."""
    optimize: bool = False
    """Afterwards join small files and drop what killed writers left behind a week ago or earlier."""

    def main(self) -> None:
        """Check and tell.

        Raises:
            SystemExit: a scene is damaged.
        """
        index = self.opened()
        read = track(index.verify(), "Verifying", len(index), console=Console(stderr=True))
        count, found = 0, []
        for _, damage in read:
            count += 1
            found += [] if damage is None else [damage]
        dropped = index.drop_unreadable() if self.drop_unreadable else 0
        if self.optimize and dropped == sum(damage.is_unreadable for damage in found):
            index.optimize()
        self._tell(count, found, dropped)
        if len(found) > dropped:
            raise SystemExit(1)

    def _tell(self, count: int, found: list["Damage"], dropped: int) -> None:
        if self.json:
            damaged = [{"scene": damage.scene, "problem": damage.problem} for damage in found]
            answer = {"scenes": count, "damaged": damaged, "dropped": dropped}
            print(json.dumps(answer, indent=2))
            return
        console = Console(highlight=False)
        for damage in found:
            remedy = "remove it and add it again"
            if damage.is_unreadable and dropped:
                remedy = "it was removed, add it again"
            elif damage.is_unreadable:
                remedy = "put its file back, or give --drop-unreadable True and add it again"
            told = f"{damage.scene}: {damage.problem}; {remedy}"
            console.print(told, soft_wrap=True, markup=False)
        console.print(f"{_counted(count)} read, {len(found)} damaged, {dropped} dropped")


def _counted(count: int) -> str:
    return "1 scene" if count == 1 else f"{count} scenes"


Indexes = (
    Annotated[IndexAdd, tyro.conf.subcommand(name="add")]
    | Annotated[IndexRemove, tyro.conf.subcommand(name="remove")]
    | Annotated[IndexList, tyro.conf.subcommand(name="list")]
    | Annotated[IndexVerify, tyro.conf.subcommand(name="verify")]
)
"""One subcommand each; every member has a `main`."""
