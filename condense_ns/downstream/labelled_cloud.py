"""What every data set is read as: clouds with labels, in a training and a test split.

Classes are numbered from 0; `UNKNOWN` is no class. Clouds are read when they are asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from jaxtyping import Float, Int64
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.volumes.from_points import PointCloud

TaskName = Literal["classify", "parts", "segment", "detect"]
UNKNOWN = -1


@dataclass(frozen=True)
class LabelledBoxes:
    """Boxes around things, which stand upright."""

    boxes: Float[Tensor, "boxes 7"]
    """Centre, size along the box's own axes, turn about z in radians."""
    classes: Int64[Tensor, " boxes"]
    """Numbers of classes."""


@dataclass(frozen=True)
class LabelledCloud:
    """A cloud and what is known of it; what a task does not need may be missing."""

    name: str
    """For messages: its file and, where there are several, its place in it."""
    cloud: PointCloud
    category: int = UNKNOWN
    """Class of the whole cloud."""
    labels: Int64[Tensor, " points"] | None = None
    """Class, or part, of each point; `UNKNOWN` where nobody has said."""
    boxes: LabelledBoxes | None = None
    viewpoints: Float[Tensor, "viewpoints 3"] | None = None
    """Places in free space that estimated normals face, the nearest one each; None for things, whose normals
    face away from their middle."""


@dataclass(frozen=True)
class Split:
    """Clouds that are read one by one."""

    read: Callable[[int], LabelledCloud]
    """A cloud by its number."""
    numbers: Sequence[int]
    """Of the clouds in this split."""
    categories: Sequence[int] | None = None
    """Class of each, where clouds have one: known without reading them."""

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, place: int) -> LabelledCloud:
        return self.read(self.numbers[place])

    def __iter__(self) -> Iterator[LabelledCloud]:
        return map(self.read, self.numbers)

    def chosen(self, places: Sequence[int]) -> "Split":
        """Some of the clouds, by their places here."""
        categories = self.categories
        return replace(
            self,
            numbers=[self.numbers[place] for place in places],
            categories=None if categories is None else [categories[place] for place in places],
        )


@dataclass(frozen=True)
class TaskData:
    """A data set for a task."""

    name: str
    """For tables and messages."""
    task: TaskName
    class_names: tuple[str, ...]
    """What is told apart: classes of clouds, of points or of boxes, or the parts of all categories."""
    train: Split
    test: Split
    voxel_size: float | None
    """Suitable edge of a voxel in the clouds' units; None for shapes of any size, which are scaled."""
    category_names: tuple[str, ...] = ()
    """Of parts: names of the clouds' categories."""
    parts_of: tuple[tuple[int, ...], ...] = ()
    """Of parts: numbers of the parts that a cloud of each category may have."""
    metres: bool = False
    """Whether lengths are metres, so that clouds in other units can be told."""
    details: str = ""
    """What else the clouds depend on, by which runs are told apart."""
    source: str = ""
    """Folder and state of the files, by which runs are told apart as well; empty for made-up clouds."""

    def __post_init__(self) -> None:
        for split, clouds in (("training", self.train), ("test", self.test)):
            if len(clouds) == 0:
                raise UserError(
                    f"{self.name} has no {split} clouds; check the files of its {split} split"
                )
        self._check_categories()

    def _check_categories(self) -> None:
        """Every category that is asked for must be taught.

        Raises:
            UserError: one has no training cloud, or is unknown.
        """
        if self.train.categories is None or self.test.categories is None:
            return
        names = self.category_names or self.class_names
        numbers = {*self.train.categories, *self.test.categories}
        if not numbers <= set(range(len(names))):
            wrong = sorted(numbers - set(range(len(names))))
            raise UserError(
                f"{self.name} has clouds of class {wrong[0]}, but only classes 0 to "
                f"{len(names) - 1} have names; check its list of classes"
            )
        missing = sorted(set(self.test.categories) - set(self.train.categories))
        if missing:
            raise UserError(
                f"{self.name} has no training cloud of {', '.join(names[n] for n in missing)}; "
                "check the files of its training split"
            )
