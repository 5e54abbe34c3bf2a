"""A page in one file: `Page` says what is on it, `write_page` makes the HTML.

The file asks the network for nothing, and a policy in its head forbids it to. All text is escaped.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from condense_ns.report.blocks import Comparison, Film, Gallery, Queries
from condense_ns.report.words import Commands, Prose, Table
from condense_ns.whole_files import whole_file

Block = Gallery | Comparison | Film | Queries | Prose | Table | Commands


@dataclass(frozen=True)
class Fact:
    """A key figure at the top of the page.

    Attributes:
        name: what was measured.
        value: printed large, so a few characters.
        remark: what it is to be compared with.
    """

    name: str
    value: str
    remark: str = ""


@dataclass(frozen=True, eq=False)
class Page:
    """Everything on a page.

    Attributes:
        title: of the page and of the window.
        blocks: the sections in their order.
        subtitle: one sentence below the title.
        facts: key figures; the first is emphasised.
        footer: names and values, for example commit, date and hardware.
    """

    title: str
    blocks: tuple[Block, ...]
    subtitle: str = ""
    facts: tuple[Fact, ...] = ()
    footer: tuple[tuple[str, str], ...] = ()


def write_page(page: Page, path: Path) -> None:
    """Write the page; `path` is never left half-written.

    Args:
        page: what to show.
        path: the HTML file; its folder is made if missing.

    Raises:
        UserError: the file cannot be written.
    """
    content = html(page).encode("utf-8", errors="replace")
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)


def html(page: Page) -> str:
    """The page as HTML."""
    sections = [(type(block).__name__.lower(), block) for block in page.blocks]
    return _environment().get_template("page.html.j2").render(page=page, sections=sections)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("condense_ns.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
