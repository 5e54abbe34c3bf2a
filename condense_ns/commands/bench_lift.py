"""`condense bench lift`: how consistent and how faithful lifted answers are."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from condense_ns.commands.lift import SMALLEST_IMAGE
from condense_ns.errors import UserError
from condense_ns.whole_files import check_output_file

if TYPE_CHECKING:
    from condense_ns.pipelines.scene_lifting import SceneLifter


@dataclass
class BenchLift:
    """Measure lift3d on scenes that it was not trained on, beside five other ways to the same answers.

    Prints for every scene the PSNR of views rendered from the others, and for every operator how far
    answers about the same place differ between views (short and long pairs) and how far they are from the
    operator's answer on the view's own photograph.
    """

    scenes: tuple[Path, ...]
    """Folders of scenes."""
    operators: tuple[str, ...]
    """Operators, as for condense lift."""
    weights: Path | None = None
    """Of lift3d: a .safetensors file or a run's config.yml; None takes those that come with the package."""
    targets: int = 8
    """Views of each scene that pairs start from."""
    sources: int = 16
    """Photographs that each view is lifted from; the 8 most useful of them make its picture and depth."""
    image_size: int = 252
    """Longest side in pixels of pictures and of what operators see."""
    least_angle: float = 0.0
    """Degrees that the rays of all sources differ by from the target's, at least."""
    output_path: Path = Path("condense_bench_lift.json")
    """JSON file for the figures."""

    def main(self) -> None:
        """Measure, print, write."""
        from condense_ns.operators import build_operator
        from condense_ns.pipelines.host_memory import keep_large_buffers
        from condense_ns.pipelines.lift_weights import lifting_network
        from condense_ns.pipelines.scene_lifting import SceneLifter, open_scene
        from condense_ns.report.json_file import write_json
        from condense_ns.report.provenance import provenance

        self._check()
        keep_large_buffers()
        for spec in self.operators:
            build_operator(spec)  # what cannot be built is told now; memory is for one at a time
        network = lifting_network(self.weights)
        scenes = {
            folder.name: open_scene(folder, self.image_size, "--scenes") for folder in self.scenes
        }
        figures = {
            name: self._scene_figures(SceneLifter(network, scene, self.sources))
            for name, scene in scenes.items()
        }
        write_json(self.output_path, {**provenance(), "benchmark": "lift", "scenes": figures})
        print_figures(figures)

    def _scene_figures(self, lifter: "SceneLifter") -> dict[str, Any]:
        import resource

        from condense_ns.benchmarks.lifting import (
            colour_figures,
            colour_floor,
            first_seconds,
            operator_figures,
            rendered_targets,
            speed_figures,
        )
        from condense_ns.benchmarks.share_frontier import settled_apart, share_frontier
        from condense_ns.operators import build_operator
        from condense_ns.pipelines.answer_pairs import chosen_pairs, shared_of_pairs, views_of

        pairs = chosen_pairs(lifter, self.targets)
        views = views_of(pairs)
        targets = rendered_targets(lifter, views, self.least_angle)
        figures: dict[str, Any] = {"colours": colour_figures(targets), "operators": {}}
        shared = shared_of_pairs(lifter, pairs, targets)
        figures["floor"] = colour_floor(shared, targets)
        operators = [build_operator(spec) for spec in self.operators]
        for operator in operators:
            lifter.prepare(operator)
        settled = settled_apart(lifter, operators, views, self.least_angle)
        for operator in operators:
            shares = settled[operator.spec]
            found: dict[str, Any] = {
                "settled": [asdict(some) for some in dict.fromkeys(shares.values())]
            }
            found["rows"] = operator_figures(lifter, operator, shared, targets, shares)
            found["shares"] = share_frontier(lifter, operator, shared, targets)
            found["speed"] = speed_figures(lifter, operator, min(views))
            figures["operators"][operator.spec] = found
        figures["seconds_first"] = first_seconds(lifter, min(views))
        figures["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return figures

    def _check(self) -> None:
        check_output_file(self.output_path)
        if not self.scenes or self.targets < 1:
            raise UserError("give at least one scene with --scenes and one target with --targets")
        for name, least in (("sources", 1), ("image_size", SMALLEST_IMAGE)):
            if getattr(self, name) < least:
                option = name.replace("_", "-")
                raise UserError(f"--{option} is {getattr(self, name)}; it must be {least} or more")


COLUMNS = ("short", "long", "infidelity", "sharpness", "mean_iou")
REFERENCE = "true image"


def print_figures(figures: dict[str, Any]) -> None:
    """Tables of what was measured."""
    from rich.console import Console
    from rich.table import Table

    from condense_ns.report.words import without_folders

    console = Console(highlight=False)
    for scene, found in figures.items():
        colours = found["colours"]
        console.print(
            f"{scene}: PSNR {colours['psnr']:.2f} dB, nearest source warped "
            f"{colours['psnr_nearest']:.2f} dB, gain {colours['psnr_gain']:.2f} dB; "
            f"{found['seconds_first']:.0f} s for the first picture, which finds the depth of the "
            f"photographs around it; peak memory {found['peak_memory_mb']:,.0f} MB; the photographs' own colours differ by "
            f"{found['floor']['short']:.4f} in short and {found['floor']['long']:.4f} in long pairs"
        )
        for spec, measured in found["operators"].items():
            names = [name for name in COLUMNS if name in measured["rows"][REFERENCE]]
            table = Table("way", *names, title=f"{without_folders(spec)} on {scene}")
            for row, values in measured["rows"].items():
                table.add_row(row, *(f"{values[name]:.4f}" for name in names))
            console.print(table)
            names = ["short", "long", "infidelity"]
            table = Table("share", *names, title="lift3d by the share of rendered pictures")
            for share, values in measured["shares"].items():
                table.add_row(share, *(f"{values[name]:.4f}" for name in names))
            console.print(table)
            speed = measured["speed"]
            shares = " or ".join(
                f"{settled['rendered']:.2f} of maps are the rendered picture's, "
                f"{settled['painted']:.2f} of answers the sources'"
                for settled in measured["settled"]
            )
            console.print(
                f"{shares}; "
                f"{speed['seconds_picture']:.2f} s for a picture, {speed['seconds_answer']:.2f} s "
                "for the operator's answer"
            )
