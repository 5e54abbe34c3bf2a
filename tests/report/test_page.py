"""The page as its reader gets it: whole, closed, self-contained, and never half-written."""

import errno
import re
from pathlib import Path

import numpy as np
import pytest

from condense_ns.errors import UserError
from condense_ns.report.blocks import Comparison, Film, Gallery, Queries, QueryStrip, Score
from condense_ns.report.page import Fact, Page, html, write_page
from condense_ns.report.picture import Picture
from condense_ns.report.words import Commands, Prose, Table
from tests.report.reading import decoded, is_one_sentence, parsed, plain

HOSTILE = "\"'><img/src=x/onerror=alert(1)>{{7*7}}{%raw%}&amp;</style></script></pre><!--"
VIEW = plain(6, 8, (200, 100, 50))
DASH = "\N{EN DASH}"
MASK = np.eye(6, 8, dtype=bool)


def every_block(words="words"):
    """One section of every kind, with these words in all places that take any."""
    picture = Picture(VIEW, words, words, outline=MASK)
    scores = (Score(words, 0.25), Score(words, 1.0))
    headings, legend = (words, words), ((words, (1, 2, 3)),)
    strip = QueryStrip(words, VIEW, VIEW, MASK, MASK, words, scores)
    return (
        Prose(words, (words, words)),
        Gallery(words, (picture, None, picture), 2, words, headings, headings, legend),
        Comparison(words, (picture, picture, picture), words),
        Film(words, (VIEW, 255 - VIEW), 8.0, words, words, (words, words)),
        Queries(words, (strip,), words),
        Table(words, (words, words), ((words, "1"), (words, "2")), words, ((0, 0), (1, 1)), (0,)),
        Commands(words, (f"#{words}", words), words),
    )


def whole_page(words="words"):
    facts, footer = (Fact(words, words, words), Fact(words, words)), ((words, words),)
    return Page(words, every_block(words), words, facts, footer)


def shown(*blocks):
    """A page with these sections only."""
    return parsed(html(Page("Title", blocks)))


def outline(element):
    """Tags and the names of their attributes, in the order of the page."""
    return [(found.tag, sorted(found.attributes)) for found in element.all("*")]


def test_every_kind_of_block_becomes_a_section_under_its_title():
    blocks = every_block("Some words")
    sections = parsed(html(whole_page("Some words"))).all("section")
    assert [section.attributes["class"] for section in sections] == [
        f"{type(block).__name__.lower()}-section" for block in blocks
    ]
    assert [section.all("h2")[0].text for section in sections] == ["Some words"] * len(blocks)


def test_links_lead_to_the_sections_of_longer_pages():
    page = parsed(html(whole_page()))
    targets = [link.attributes["href"] for link in page.all("nav")[0].all("a")]
    assert targets == [f"#{section.attributes['id']}" for section in page.all("section")]
    assert len(set(targets)) == len(targets)
    assert shown(*every_block()[:3]).all("nav") == []


def test_hostile_words_change_nothing_but_the_words():
    harmless, hostile = parsed(html(whole_page())), parsed(html(whole_page(HOSTILE)))
    assert outline(hostile) == outline(harmless)
    said = hostile.text.count(HOSTILE)
    assert said == harmless.all("body")[0].text.count("words") + 1  # and the title of the window
    assert {picture.attributes["alt"].replace(HOSTILE, "") for picture in hostile.all("img")} == {
        picture.attributes["alt"].replace("words", "") for picture in harmless.all("img")
    }


def test_nothing_on_the_page_comes_from_elsewhere():
    page = parsed(html(whole_page("see https://example.org/a.png")))
    for element in page.all("*"):
        for name, value in element.attributes.items():
            if name in ("src", "href", "srcset", "data", "poster", "action", "xlink:href"):
                assert value.startswith(("data:", "#")), (element.tag, name)
    code = "".join(part.text for tag in ("style", "script") for part in page.all(tag))
    assert not re.search(r"https?:|//|url\(|@import|fetch\(|import\(", code)
    policy = {meta.attributes.get("http-equiv"): meta.attributes for meta in page.all("meta")}
    assert policy["Content-Security-Policy"]["content"].startswith(
        "default-src 'none'; img-src data:"
    )


def test_all_pictures_can_be_decoded():
    page = parsed(html(whole_page()))
    pictures = page.all("img")
    assert len(pictures) == 2 + 3 + 1 + 2 + 3  # gallery, comparison, film, its strip, query
    for picture in pictures:
        size = (int(picture.attributes["width"]), int(picture.attributes["height"]))
        assert decoded(picture.attributes["src"]).size == size == (8, 6)
    assert decoded(page.all("source")[0].attributes["srcset"]).size == (8, 6)


def test_the_same_page_is_written_the_same():
    assert html(whole_page()) == html(whole_page())


def test_empty_sections_say_so():
    page = shown(Gallery("Views", (), 2), Queries("Asked", ()), Table("None", ("a",), ()))
    assert [said.text for said in page.all("p", "nothing")] == ["No pictures.", "No queries."]
    assert page.all("tbody")[0].all("tr") == []
    assert shown().all("section") == []


def test_a_gallery_says_to_which_row_and_column_a_picture_belongs():
    pictures = (Picture(VIEW, "sharp", "1 dB"), Picture(VIEW), None, Picture(VIEW, labels=True))
    gallery = shown(Gallery("Views", pictures, 2, "", ("seen", "made"), ("near", "far")))
    assert [image.attributes["alt"] for image in gallery.all("img")] == [
        "near, seen, sharp, 1 dB",
        "near, made",
        "far, made",
    ]
    assert [image.attributes.get("class") for image in gallery.all("img")] == [None, None, "labels"]
    assert len(gallery.all("div", "free")) == 1
    assert shown(Gallery("Views", pictures, 2)).all("img")[1].attributes["alt"] == "Views"


def test_the_legend_of_a_gallery_shows_colours_with_their_names():
    legend = (("chair", (230, 159, 0)), ("table", (0, 0, 7)))
    page = shown(Gallery("Classes", (Picture(VIEW),), 1, legend=legend))
    entries = page.all("ul", "legend")[0].all("li")
    assert [entry.text for entry in entries] == ["chair", "table"]
    assert [entry.all("i")[0].attributes["style"] for entry in entries] == [
        "background: rgb(230 159 0)",
        "background: rgb(0 0 7)",
    ]
    assert shown(Gallery("Classes", (Picture(VIEW),), 1)).all("ul", "legend") == []


def test_outlines_are_drawn_in_the_pixels_of_their_picture():
    page = shown(Gallery("Views", (Picture(VIEW, outline=MASK), Picture(VIEW)), 2))
    (drawing,) = page.all("svg")
    assert drawing.attributes["viewbox"] == "0 0 8 6"
    assert {path.attributes["d"] for path in drawing.all("path")} == {
        Picture(VIEW, outline=MASK).path
    }


def test_a_comparison_begins_with_the_first_two_and_lets_choose_among_more():
    two, three = (
        tuple(Picture(VIEW, caption) for caption in captions) for captions in ("ab", "abc")
    )
    page = shown(Comparison("One", two), Comparison("Two", three), Comparison("Three", three))
    sides = [figure.attributes.get("data-side") for figure in page.all("figure")]
    assert sides == ["left", "right", "left", "right", None, "left", "right", None]
    radios = [field for field in page.all("input") if field.attributes["type"] == "radio"]
    assert len(radios) == 2 * 2 * 3
    checked = [field.attributes for field in radios if "checked" in field.attributes]
    assert [field["value"] for field in checked] == ["0", "1", "0", "1"]
    assert len({field["name"] for field in checked}) == 4  # one group per side and comparison


def test_a_film_names_its_parts_and_stands_still_for_who_wishes_so():
    page = shown(Film("Round", (VIEW, 255 - VIEW), 8.0, "a way", headings=("left", "right")))
    assert [part.text for part in page.all("div", "parts")[0].all("span")] == ["left", "right"]
    assert page.all("img")[0].attributes["alt"] == "Round: left, right: a way"
    (still,) = page.all("source")
    assert "prefers-reduced-motion" in still.attributes["media"]
    assert shown(Film("Round", (VIEW,), 8.0)).all("div", "parts") == []


def test_the_scores_of_a_query_are_bars_and_figures():
    scores = (Score("field", 0.714), Score("encoder", 1.0))
    page = shown(Queries("Asked", (QueryStrip("a mug", VIEW, VIEW, MASK, scores=scores),)))
    assert page.all("h3")[0].text == "“a mug”"
    assert [figure.text for figure in page.all("dd", "figure")] == ["IoU 0.71", "IoU 1.00"]
    assert [bar.attributes["style"] for bar in page.all("i") if "style" in bar.attributes] == [
        "--share: 0.714",
        "--share: 1.0",
    ]


def test_a_table_marks_the_best_and_ours_and_explains_it():
    rows = (("ours", "0.7"), ("theirs", DASH))
    page = shown(Table("Scores", ("run", "mIoU"), rows, best=((0, 1),), ours=(0,)))
    body = page.all("tbody")[0]
    assert [best.text for best in body.all("strong")] == ["0.7"]
    assert [row.attributes.get("class") for row in body.all("tr")] == ["ours", None]
    assert [cell.text for cell in page.all("td", "number")] == ["0.7", DASH]
    assert [name.text for name in body.all("th")] == ["ours", "theirs"]
    assert "this run" in page.all("p", "key")[0].text
    assert shown(Table("Scores", ("run", "mIoU"), rows)).all("p", "key") == []


def test_commands_are_copied_as_they_were_written():
    lines = ("# remark", "ls  --all | grep 'x'", "", "  indented")
    page = shown(Commands("Again", lines))
    assert page.all("code")[0].text == "".join(f"{line}\n" for line in lines)
    assert [remark.text for remark in page.all("span", "remark")] == ["# remark\n"]


def test_a_page_is_written_whole_into_a_new_folder(tmp_path):
    path = tmp_path / "new" / "folder" / "page.html"
    write_page(Page("Title", (Prose("Wörter", ("größer",)),)), path)
    written = path.read_text(encoding="utf-8")
    assert written == html(Page("Title", (Prose("Wörter", ("größer",)),)))
    assert list(path.parent.iterdir()) == [path]
    write_page(Page("Another", ()), path)
    assert parsed(path.read_text(encoding="utf-8")).all("h1")[0].text == "Another"


def test_words_that_utf_8_cannot_hold_do_not_stop_a_page(tmp_path):
    write_page(Page("Title \ud800", ()), tmp_path / "page.html")
    written = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert parsed(written).all("h1")[0].text == "Title ?"


def no_space(self, *_):
    raise OSError(errno.ENOSPC, "No space left on device")


def half_written(self, content):
    with self.open("wb") as stream:
        stream.write(content[: len(content) // 2])
    no_space(self)


def interrupted(self, *_):
    self.touch()
    raise KeyboardInterrupt


@pytest.mark.parametrize(("step", "fails"), [("replace", no_space), ("write_bytes", half_written)])
def test_a_failure_leaves_the_old_page_and_nothing_else(tmp_path, monkeypatch, step, fails):
    path = tmp_path / "page.html"
    path.write_text("the old page")
    monkeypatch.setattr(Path, step, fails)
    with pytest.raises(UserError, match=r"page\.html cannot be written \(No space") as caught:
        write_page(whole_page(), path)
    assert is_one_sentence(caught.value)
    assert path.read_text() == "the old page"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interruption_leaves_the_old_page_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("the old page")
    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_page(Page("Title", ()), path)
    assert path.read_text() == "the old page"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["folder", "file/page.html", "x" * 300])
def test_places_that_cannot_be_written_are_named(tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"{place} cannot be written .*; choose another") as caught:
        write_page(Page("Title", ()), tmp_path / place)
    assert is_one_sentence(caught.value)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["file", "folder"]
