"""Reports as a reader gets them: pictures out of `data:` URIs, elements and words out of HTML."""

import base64
import io
from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np
from jaxtyping import UInt8
from PIL import Image

VOID = {"br", "col", "hr", "img", "input", "link", "meta", "path", "source"}


def decoded(uri: str) -> Image.Image:
    """The picture in a URI; the media type must be that of its bytes."""
    head, _, content = uri.partition(",")
    image = Image.open(io.BytesIO(base64.b64decode(content, validate=True)))
    assert head == f"data:image/{(image.format or '').lower()};base64"
    return image


def durations(image: Image.Image) -> list[int]:
    """Milliseconds that every frame of a film is shown."""
    shown = []
    for index in range(getattr(image, "n_frames", 1)):
        image.seek(index)
        image.load()
        shown.append(image.info["duration"])
    return shown


def plain(height: int, width: int, colour: tuple[int, int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """A picture of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def is_one_sentence(error: BaseException) -> bool:
    """Whether a message can be printed in one line, without a full stop in its middle."""
    message = str(error)
    return bool(message) and "\n" not in message and ". " not in message and message[-1] != "."


@dataclass
class Element:
    """A tag with all that is inside."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element | str"] = field(default_factory=list)

    def all(self, tag: str, of_class: str = "") -> list["Element"]:
        """Elements inside, at any depth, in the order of the page."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                classes = child.attributes.get("class", "").split()
                if tag in ("*", child.tag) and (not of_class or of_class in classes):
                    found.append(child)
                found.extend(child.all(tag, of_class))
        return found

    @property
    def text(self) -> str:
        """All words inside."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("page")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parsed(html: str) -> Element:
    """The page as elements; every one must be closed, in the right order."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert len(parser.open) == 1, f"<{parser.open[-1].tag}> is never closed"
    return parser.open[0]
