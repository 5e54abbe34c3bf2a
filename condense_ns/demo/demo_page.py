"""The page that a demonstration leaves."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from condense_ns.demo.demo_evaluation import DemoPictures
from condense_ns.demo.demo_pictures import LABEL_MAPS, QueryPictures, ViewPictures
from condense_ns.demo.demo_run import DemoPlan, SceneResult
from condense_ns.demo.demo_tables import (
    consistency_table,
    inconsistency_ratio,
    mean_of,
    seconds_table,
    segmentation_table,
    where_measured,
)
from condense_ns.pipelines.annotated_views import FIELD, ON_PHOTOGRAPH
from condense_ns.report.blocks import Comparison, Film, Gallery, Queries, QueryStrip, Score
from condense_ns.report.page import Fact, Page
from condense_ns.report.picture import Picture
from condense_ns.report.words import Commands, Prose

FRAMES_PER_SECOND = 8.0


def demo_page(
    plan: DemoPlan,
    results: Sequence[SceneResult],
    pictures: DemoPictures,
) -> Page:
    """Everything on one page.

    Args:
        plan: of the demonstration.
        results: of all scenes.
        pictures: of the first.
    """
    return Page(
        title="A scene that answers",
        subtitle=(
            f"condense_ns gave the 3D scene “{results[0].name}” the features of the 2D encoder "
            f"“{plan.encoder}”. Everything below is of views that training never saw, unless it says "
            "otherwise."
        ),
        facts=_facts(results),
        blocks=(
            _comparison(pictures.views[0]),
            _inputs(pictures),
            _queries(pictures.queries),
            _segmentation(pictures),
            _views(pictures.views),
            _film(pictures),
            segmentation_table(results),
            consistency_table(results),
            seconds_table(results),
            _limits(plan),
            _commands(results[0].config),
        ),
        footer=where_measured(results),
    )


def _facts(results: Sequence[SceneResult]) -> tuple[Fact, ...]:
    def of(row: str, name: str) -> str:
        return f"{mean_of(results, lambda result: result.figures['rows'][row][name]):.2f}"

    minutes = mean_of(results, lambda result: sum(result.seconds.values())) / 60
    return (
        Fact(
            "mIoU of the field", of(FIELD, "mean_iou"), f"encoder {of(ON_PHOTOGRAPH, 'mean_iou')}"
        ),
        Fact(
            "things found by caption",
            of(FIELD, "localisation"),
            f"encoder {of(ON_PHOTOGRAPH, 'localisation')}",
        ),
        Fact(
            "inconsistency between views",
            f"{mean_of(results, inconsistency_ratio):.2f}\N{MULTIPLICATION SIGN}",
            "of the encoder's",
        ),
        Fact("PSNR", f"{mean_of(results, lambda result: result.figures['psnr']):.1f}", "dB"),
        Fact("time", f"{minutes:.1f}", "minutes, from nothing"),
    )


def _comparison(view: ViewPictures) -> Comparison:
    names = {
        "field_pca": "Features of the field",
        "encoder_pca": "Features of the encoder",
        "photograph": "Photograph",
        "rendered": "Rendered",
        "depth": "Depth",
    }
    return Comparison(
        "A view that training never saw",
        tuple(Picture(view.pictures[name], caption) for name, caption in names.items()),
        text=(
            "The encoder answers in cells of several pixels, anew for every picture. The field has "
            "learned from many such answers what must be where, and renders it in every pixel. Colours "
            "are the three main directions of the features."
        ),
    )


def _inputs(pictures: DemoPictures) -> Gallery:
    return Gallery(
        "What went in",
        tuple(Picture(pixels) for pixels in pictures.inputs),
        columns=6,
        text="Some of the training photographs. The scene is made up; light and shadows are ray-cast.",
    )


def _queries(queries: list[QueryPictures]) -> Queries:
    strips = tuple(
        QueryStrip(
            words=query.caption,
            view=query.photograph,
            heat=query.heat,
            found=query.found,
            truth=query.truth,
            scores=(
                Score("field", query.ious[FIELD]),
                Score("encoder on the photograph", query.ious[ON_PHOTOGRAPH]),
            ),
        )
        for query in queries
    )
    text = "The largest thing of each class, asked for by its caption, good or bad. Cut at 0.5."
    return Queries("Where is …?", strips, text)


def _segmentation(pictures: DemoPictures) -> Gallery:
    columns = {
        "photograph": "Photograph",
        "truth": "Truth",
        "field_classes": "Field",
        "encoder_classes": "Encoder on the photograph",
    }
    gallery = _gallery(
        "Which class is where",
        pictures.views,
        columns,
        text="Classes by name alone. What is dark was taken for a class that the scene does not show.",
    )
    return replace(gallery, legend=tuple(pictures.legend.items()))


def _views(views: list[ViewPictures]) -> Gallery:
    columns = {
        "photograph": "Photograph",
        "rendered": "Rendered",
        "depth": "Depth",
        "field_pca": "Field",
        "encoder_pca": "Encoder",
    }
    text = "The encoder sees the photograph; everything else comes out of the trained run."
    return _gallery("Held-out views", views, columns, text)


def _gallery(title: str, views: list[ViewPictures], columns: dict[str, str], text: str) -> Gallery:
    """A row of pictures for each view; columns are the names of pictures and their headings."""
    return Gallery(
        title,
        tuple(
            Picture(view.pictures[name], labels=name in LABEL_MAPS)
            for view in views
            for name in columns
        ),
        columns=len(columns),
        column_headings=tuple(columns.values()),
        text=text,
    )


def _film(pictures: DemoPictures) -> Film:
    return Film(
        "Once around",
        tuple(pictures.film),
        FRAMES_PER_SECOND,
        caption="Colours and features along the way of the training cameras",
        headings=("Rendered", "Features of the field"),
    )


def _limits(plan: DemoPlan) -> Prose:
    return Prose(
        "What this shows, and what not",
        (
            f"The encoder here is “{plan.encoder}”. “mini” is a CLIP of a few megabytes that was "
            "trained on other made-up scenes alone, so that everything can run without a network; of "
            "photographs of the real world it knows next to nothing. For these take one of the encoders "
            "in the commands below.",
            "The captions and names are words that “mini” has learned. Scenes with these seeds were not "
            "among its training scenes, and share no thing with them.",
        ),
    )


def _commands(config: Path) -> Commands:
    return Commands(
        "The same with your own scene",
        (
            "# photographs to a scene with camera poses",
            "ns-process-data images --data photographs/ --output-dir scene/",
            "# train; condense-dense on a GPU",
            "ns-train condense-dense-tiny --data scene/ --pipeline.encoders "
            "openclip:ViT-B-16/laion2b_s34b_b88k",
            "# ask; the config.yml is named at the end of the training",
            'condense query --load-config config.yml --text "red chair"',
            "# look at this run in the viewer",
            f"ns-viewer --load-config {config}",
        ),
    )
