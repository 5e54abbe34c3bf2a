"""`condense lift`: a 2D model's output, consistent in every view of a scene never trained on."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from condense_ns.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from condense_ns.operators.base import Click, Operator
    from condense_ns.pipelines.scene_lifting import SceneLifter

SMALLEST_IMAGE = 32


@dataclass
class Lift:
    """Lift what a 2D model makes of photographs to any view of their scene.

    The operator's first half looks at each photograph, lift3d carries what it saw to the views that are
    wanted, the second half answers there. Operators:

    rgb · features:<encoder> · classes:<encoder>?chair,table,... · stroke:<encoder> (with --clicks) ·
    segment:<file.tflite or file.onnx> · style:<folder> · colourise:<file.onnx> · torch:<module>:<callable>
    """

    scene: Path
    """Folder of the scene, of any kind that nerfstudio reads."""
    operator: str
    """Which 2D model; see above."""
    out: Path
    """Folder for pictures, films and points; an older one of this command is replaced."""
    views: Literal["path", "eval", "all"] = "path"
    """A smooth path through the training views, the held-out views, or all views of the scene; a view
    is never rendered from its own photograph."""
    frames: int = 60
    """Pictures along the path."""
    weights: Path | None = None
    """Of lift3d: a .safetensors file or a run's config.yml; None takes those that come with the package."""
    image_size: int = 256
    """Longest side in pixels of pictures and of the photographs that the operator sees; time grows with
    its square."""
    steady: float = 0.5
    """How unlike answers about one place may be in two lifted views, as a share of how unlike the operator's own are
    in two photographs: less is steadier, more is nearer to a photograph's answer. It is tried on a few photographs
    of the scene first, once; 0 tries nothing."""
    sources: int = 16
    """Photographs that each view is lifted from; the 8 most useful of them make its picture and depth."""
    clicks: tuple[str, ...] = ()
    """For stroke: view,x,y of places that are wanted, in pixels of the resized photograph; view,x,y,- of
    places that are not."""
    points: Path | None = None
    """PLY file of points or a mesh whose vertices get features, too; in the dataset's coordinates or those of
    its transforms.json."""
    points_from_depth: int = 0
    """How many points of the surfaces that the training views see get features, too (by the dataset's depth
    images or, without any, lift3d's own depth); 0 for none, and not together with --points."""
    device: str = "cpu"
    """Where to compute, e.g. cuda."""

    def main(self) -> None:
        """Check, lift, write."""
        self._check()
        from rich.console import Console

        from condense_ns.export.point_cloud import read_points
        from condense_ns.pipelines.host_memory import keep_large_buffers
        from condense_ns.pipelines.lift_output import WRITTEN
        from condense_ns.pipelines.lift_weights import lifting_network
        from condense_ns.pipelines.scene_lifting import SceneLifter, open_scene
        from condense_ns.whole_files import whole_folder

        keep_large_buffers()
        points = None if self.points is None else read_points(self.points)
        operator = self._operator()
        with whole_folder(self.out, WRITTEN) as folder:
            network = lifting_network(self.weights).to(self.device)
            scene = open_scene(self.scene, self.image_size)
            lifter = SceneLifter(network, scene, self.sources)
            lifter.prepare(operator)
            told = self._written(lifter, operator, points, folder)
        console = Console(highlight=False)
        for line in (*told, f"written to {self.out}"):
            console.print(line, soft_wrap=True)

    def _written(
        self,
        lifter: "SceneLifter",
        operator: "Operator",
        points: "Tensor | None",
        folder: Path,
    ) -> list[str]:
        """Lines to tell the user."""
        from condense_ns.pipelines.kept_shares import kept_shares
        from condense_ns.pipelines.lift_output import write_views
        from condense_ns.pipelines.lifted_points import write_points_of

        told = []
        if self.steady > 0 and operator.shares_may_change:
            shares = kept_shares(lifter, operator, self.steady)
            told.append(f"{shares.rendered:.2f} of its maps are those of rendered pictures")
            if shares.painted > 0:
                told.append(
                    f"{shares.painted:.2f} of its answers are mixed from those of photographs"
                )
        told += write_views(lifter, operator, self.views, self.frames, folder)
        if points is not None or self.points_from_depth:
            told += write_points_of(lifter, operator, points, self.points_from_depth, folder)
        return told

    def _operator(self) -> "Operator":
        from condense_ns.operators import OperatorOptions, build_operator

        clicks = tuple(read_click(text) for text in self.clicks)
        return build_operator(self.operator, self.device, options=OperatorOptions(clicks=clicks))

    def _check(self) -> None:
        if self.image_size < SMALLEST_IMAGE:
            raise UserError(f"--image-size is {self.image_size}; {SMALLEST_IMAGE} is the least")
        if not 0 <= self.steady <= 1:
            raise UserError(f"--steady is {self.steady}; it must be in [0, 1]")
        for name, least in (("sources", 1), ("frames", 2), ("points_from_depth", 0)):
            if getattr(self, name) < least:
                option = name.replace("_", "-")
                raise UserError(f"--{option} is {getattr(self, name)}; it must be {least} or more")
        if self.points is not None and not self.points.is_file():
            raise UserError(f"there is no file {self.points} with points; check --points")
        if self.points is not None and self.points_from_depth:
            raise UserError("give --points or --points-from-depth, not both")
        if self.clicks and not self.operator.startswith("stroke:"):
            raise UserError(
                f"--clicks are for --operator stroke:<encoder> only, not for {self.operator}; leave them out"
            )


def read_click(text: str) -> "Click":
    """A click as it is written on the command line.

    Raises:
        UserError: it is no view, x and y, with or without a sign.
    """
    from condense_ns.operators.base import Click

    parts = text.split(",")
    sign = parts.pop() if parts[-1] in ("+", "-") else "+"
    try:
        view, x, y = parts
        return Click(int(view), float(x), float(y), sign == "+")
    except ValueError as error:
        raise UserError(
            f"click {text!r} is not understood; write view,x,y or view,x,y,- for what is not wanted"
        ) from error
