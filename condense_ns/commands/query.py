"""`condense query`: where in a scene is this? Heatmaps per view and a coloured point cloud.

Or, with several classes, which of them is where; or, of an index of scenes, which scenes hold it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro
from rich.console import Console

from condense_ns.commands.class_answer import ClassAnswer, check_classes
from condense_ns.commands.index_place import Flag
from condense_ns.errors import UserError
from condense_ns.retrieval.negatives import DEFAULT_NEGATIVES
from condense_ns.whole_files import check_output_folder

if TYPE_CHECKING:
    from condense_ns.pipelines.feature_pipeline import FeaturePipeline
    from condense_ns.retrieval.relevancy import Query


@dataclass
class AskQuery:
    """Ask a trained run where something is: by words, by a picture or by a point of a view.

    Or ask an index of scenes (`condense index`) in words which of them hold something: prints the best scenes
    and the best region in each, and writes scenes.html and scenes.png with their thumbnails.

    Of a run it writes, for every held-out view, <view>_relevancy.png and <view>_overlay.png, and points.ply with
    the scene's surface coloured by relevancy, in the coordinates of the dataset's own poses. With
    --classes: <view>_classes.png, classes.json with the classes' colours, and points.ply with a label
    for each point.
    """

    words: tyro.conf.Positional[tuple[str, ...]] = ()
    """Words for what is looked for, like --text."""
    load_config: Path | None = None
    """The run's config.yml."""
    index: str | None = None
    """Instead of --load-config: folder or URI of an index of scenes."""
    text: tuple[str, ...] = ()
    """Words for what is looked for; several describe one thing."""
    negatives: tuple[str, ...] = DEFAULT_NEGATIVES
    """Words for what it is told apart from."""
    image: Path | None = None
    """Picture of what is looked for."""
    crop: tuple[int, int, int, int] | None = None
    """Part of the picture: left, top, right, bottom in pixels."""
    point: tuple[int, int, int] | None = None
    """Place of what is looked for: number of a held-out view (from 0), x, y in pixels."""
    classes: tuple[str, ...] = ()
    """Words for each of several classes; synonyms between semicolons: "chair; armchair" table."""
    reject_below: float = 0.0
    """Of --classes: smallest probability of a label that is given, in [0, 1]; 0 gives them all."""
    encoder: str | None = None
    """Encoder to ask; None asks the run's first. Of an index: its encoder of words, where that is called
    differently here, e.g. lies in another folder."""
    encoder_image_size: int | None = None
    """Of an index that was made from runs with --pipeline.datamanager.encoder-image-size: that size."""
    threshold: float | Literal["automatic"] | None = None
    """Relevancy above which the overlay shows a pixel, in [0, 1], or automatic: chosen from the
    scene's own. None is 0.5 for words, where that means "as much like the negatives", else
    automatic."""
    points: int = 100_000
    """Rays for the point cloud."""
    output_dir: Path = Path("query")
    """Folder for the results."""
    count: int = 10
    """Of an index: scenes that are shown."""
    storage_options: tuple[str, ...] = ()
    """Of an index in object storage: its settings, each as key=value."""
    json: Flag = 0
    """Of an index: print the answer as JSON."""

    def main(self) -> None:
        """Ask, render, write."""
        self.text = (*self.text, *self.words)
        self._check()
        if self.index is not None:
            self._ask_index(self.index)
        else:
            self._ask_run()

    def _ask_index(self, index: str) -> None:
        from condense_ns.commands.index_query import ask_index, tell_scenes

        found = ask_index(
            index,
            self.storage_options,
            self.text,
            self.negatives,
            self.encoder,
            self.count,
            self.encoder_image_size,
        )
        tell_scenes(found, "; ".join(self.text), self.output_dir, bool(self.json))

    def _ask_run(self) -> None:
        from condense_ns.pipelines.loaded_run import load_run
        from condense_ns.pipelines.query_rendering import scored_points, with_scene_threshold

        assert self.load_config is not None
        pipeline = load_run(self.load_config)
        if self.classes:
            self._write_classes(pipeline)
            return
        query = with_scene_threshold(pipeline, self._query(pipeline))
        self._write_pictures(pipeline, query)
        if self.points:
            from condense_ns.export.point_cloud import write_points
            from condense_ns.rendering.heat import heat_colours

            found = scored_points(pipeline, query, self.points)
            colours = heat_colours(found.relevancy)
            write_points(
                self.output_dir / "points.ply", found.points, colours, "relevancy", found.relevancy
            )
        Console().print(
            f"'{query.label}' ({query.rule}, threshold {query.cut:.2f}): results in {self.output_dir}"
        )

    def _check(self) -> None:
        if (self.load_config is None) == (self.index is None):
            raise UserError("say what to ask with either --load-config or --index")
        if self.index is not None and not self.text:
            raise UserError('an index is asked in words: condense query "red chair" --index scenes')
        if self.count < 1:
            raise UserError(f"--count is {self.count}, it must be 1 or more")
        ways = [bool(self.text), bool(self.classes), self.image is not None, self.point is not None]
        if sum(ways) != 1:
            raise UserError("ask with exactly one of --text, --image, --point and --classes")
        if self.crop is not None and self.image is None:
            raise UserError("--crop says which part of --image is meant; give --image as well")
        if self.points < 0:
            raise UserError(f"--points is {self.points}, it must be 0 (no point cloud) or more")
        self._check_limits()
        if self.classes:
            check_classes(self.classes)
        check_output_folder(self.output_dir, "--output-dir")

    def _check_limits(self) -> None:
        for option, value in (("threshold", self.threshold), ("reject-below", self.reject_below)):
            if isinstance(value, float) and not 0.0 <= value <= 1.0:
                raise UserError(f"--{option} is {value}, it must lie in [0, 1]")
        if self.classes and self.threshold is not None:
            raise UserError("--threshold is not for --classes; give --reject-below instead")
        if self.reject_below and not self.classes:
            raise UserError("--reject-below is for --classes; give --threshold instead")

    def _query(self, pipeline: "FeaturePipeline") -> "Query":
        from condense_ns.pipelines.query_rendering import feature_at_pixel
        from condense_ns.retrieval.asking import crop_query, feature_query, text_query
        from condense_ns.retrieval.threshold import DEFAULT_THRESHOLD

        spec = self._spec(pipeline)
        teachers = pipeline.datamanager.teachers
        centre = pipeline.model.decoder(spec).mean.cpu()
        threshold = None if isinstance(self.threshold, str) else self.threshold
        if self.text:
            encoder = teachers.with_text(spec)
            threshold = DEFAULT_THRESHOLD if self.threshold is None else threshold
            return text_query(encoder, list(self.text), list(self.negatives), centre, threshold)
        if self.image is not None:
            return crop_query(teachers[spec], self.image, self.crop, centre, threshold)
        assert self.point is not None
        view, x, y = self.point
        self._check_point(pipeline, view, x, y)
        feature = feature_at_pixel(pipeline, spec, view, x + 0.5, y + 0.5)
        return feature_query(spec, feature, centre, threshold, f"view {view} at {x}, {y}")

    def _spec(self, pipeline: "FeaturePipeline") -> str:
        specs = pipeline.config.encoders
        spec = self.encoder or specs[0]
        if spec not in specs:
            raise UserError(f"the run has no encoder {spec}; it has {', '.join(specs)}")
        return spec

    @staticmethod
    def _check_point(pipeline: "FeaturePipeline", view: int, x: int, y: int) -> None:
        cameras = pipeline.datamanager.eval_dataset.cameras
        if not len(cameras):
            raise UserError(
                "the scene has no held-out views to click at; ask with --text or --image"
            )
        if not 0 <= view < len(cameras):
            raise UserError(f"view {view} is not among the held-out views 0 to {len(cameras) - 1}")
        width, height = int(cameras.width[view]), int(cameras.height[view])
        if not (0 <= x < width and 0 <= y < height):
            raise UserError(
                f"pixel {x}, {y} lies outside the {width} x {height} pixels of view {view}"
            )

    def _write_pictures(self, pipeline: "FeaturePipeline", query: "Query") -> None:
        from torchvision.utils import save_image

        from condense_ns.pipelines.query_rendering import render_query
        from condense_ns.rendering.heat import heat_colours

        self._make_folder()
        for name, outputs in render_query(pipeline, query):
            heat = heat_colours(outputs["relevancy"][..., 0])
            for kind, picture in (("relevancy", heat), ("overlay", outputs["query_overlay"])):
                save_image(picture.permute(2, 0, 1), self.output_dir / f"{name}_{kind}.png")

    def _write_classes(self, pipeline: "FeaturePipeline") -> None:
        spec = self._spec(pipeline)
        encoder = pipeline.datamanager.teachers.with_text(spec)
        self._make_folder()
        answer = ClassAnswer(pipeline, encoder, self.classes, self.reject_below)
        shares = answer.write_pictures(self.output_dir)
        if self.points:
            answer.write_points(self.output_dir / "points.ply", self.points)
        found = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        Console().print(f"{found} of the held-out views: results in {self.output_dir}")

    def _make_folder(self) -> None:
        try:
            self.output_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{self.output_dir} cannot be made ({error.strerror})") from error
