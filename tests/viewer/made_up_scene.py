"""A made-up scene for the panel: red on the left, blue on the right, sky on top."""

import threading
from contextlib import contextmanager

import torch
from nerfstudio.cameras.cameras import Cameras

from condense_ns.encoders.base import TextImageEncoder
from condense_ns.errors import UserError
from condense_ns.geometry.projection import Camera
from condense_ns.geometry.similarity import Similarity
from condense_ns.keypoints.keypoint_set import Keypoints3D, Observations, SeenView
from condense_ns.viewer.keypoint_fields import KeypointFields
from condense_ns.viewer.panel_fields import PanelFields
from condense_ns.viewer.panel_scene import PanelScene, View

RED, BLUE = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])
SECONDS = 20.0


class ColourEncoder(TextImageEncoder):
    """Features are colours; texts are the names of two."""

    spec, channels, patch_size, fingerprint, device = "colours", 3, 4, "00", "cpu"

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.may_answer.set()

    def grid_size(self, height, width):
        return height // 4, width // 4

    def encode(self, images):
        return torch.nn.functional.avg_pool2d(images, 4).permute(0, 2, 3, 1)

    def encode_text(self, texts):
        assert self.may_answer.wait(SECONDS)
        return torch.stack([{"red": RED, "blue": BLUE}[text] for text in texts])


def made_up_keypoints(side: int = 10) -> Keypoints3D:
    """A square of side x side keypoints 2 in front of the origin, in x and y from -1 to 1.

    The left half is red, the right half blue; keypoint k is seen by the first k % 5 of five views. The
    dataset's coordinates are twice the model's, and x is 10 more.
    """
    steps = torch.linspace(-1.0, 1.0, side, dtype=torch.float64)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    xyz = torch.stack([x, y, torch.full_like(x, -2.0)], dim=-1).reshape(-1, 3)
    colours = torch.where(xyz[:, :1] < 0, RED, BLUE)
    count = len(xyz)
    seen = torch.arange(5) < torch.arange(count)[:, None] % 5
    keypoints, views = seen.nonzero().unbind(-1)
    camera = Camera(
        torch.eye(4)[:3], torch.ones(2), torch.ones(2), torch.zeros(6), width=2, height=2
    )
    return Keypoints3D(
        xyz=xyz,
        scores=torch.linspace(1.0, 0.5, count),
        descriptors={"colours": colours, "matching": torch.eye(8)[torch.arange(count) % 8]},
        colours=colours,
        normals=torch.tensor([0.0, 0.0, 1.0]).expand(count, 3),
        scales=torch.full((count,), 0.25),
        uncertainty=torch.full((count,), 0.01),
        observations=Observations(keypoints, views, torch.ones(len(views), 2)),
        views=tuple(
            SeenView(f"images/00{number}.png", camera, camera.camera_to_world)
            for number in range(5)
        ),
        frame="model",
        to_dataset=Similarity(
            torch.eye(3, dtype=torch.float64), torch.tensor([10.0, 0.0, 0.0]).double(), 2.0
        ),
    )


class HalvesScene(PanelScene):
    """Left half red, right half blue; nothing in the upper tenth."""

    encoders = ("colours", "silent")
    has_keypoints = True

    def __init__(self) -> None:
        self.colour_encoder = ColourEncoder()
        self.shown_encoder = "colours"
        self.asked = None
        self.colours = {}
        self.paused = False
        self.views = []
        self.condensed, self.times_condensed = made_up_keypoints(), 0

    @property
    def query(self):
        return self.asked

    def show_query(self, query):
        assert self.paused
        self.asked = query

    def show_encoder(self, spec):
        assert self.paused
        self.shown_encoder = spec

    def show_colours(self, spec, colours):
        assert self.paused
        self.colours[spec] = colours

    def encoder(self, spec):
        assert not self.paused
        return self.colour_encoder

    def text_encoder(self, spec):
        if spec == "silent":
            raise UserError("encoder silent has no text tower: ask with a point")
        return self.encoder(spec)

    def centre(self, spec):
        return (RED + BLUE) / 2

    def features(self, spec, view, places):
        assert self.paused
        self.views.append(view)
        surface = places[places[:, 1] >= 0.1]
        share = surface[:, :1]
        return torch.where(share < 0.5, RED, BLUE) * (1.0 + 0.01 * share)

    def sample(self, spec):
        assert self.paused
        return torch.stack([RED, BLUE]).repeat_interleave(100, dim=0)

    def keypoints(self):
        assert self.paused
        self.times_condensed += 1
        return self.condensed


class Fields(PanelFields):
    """The panel's fields as a user fills them in, and what the user is told."""

    def __init__(self, scene: HalvesScene) -> None:
        self.scene = scene
        self.filled = {
            "encoder": "colours",
            "positives": "red",
            "negatives": "blue",
            "image_file": "",
            "threshold": 0.5,
            "automatic": True,
        }
        self.output, self.training_step = "rgb", 0
        self.pointing, self.then = None, None
        self.told, self.pictures = [], 0
        self.eye = View(Cameras(torch.eye(4)[None, :3], 1.0, 1.0, 1.0, 1.0, 2, 2), None)

    step = property(lambda self: self.training_step)
    encoder = property(lambda self: self.filled["encoder"])
    positives = property(lambda self: self.filled["positives"])
    negatives = property(lambda self: self.filled["negatives"])
    image_file = property(lambda self: self.filled["image_file"])
    threshold = property(lambda self: self.filled["threshold"])
    automatic = property(lambda self: self.filled["automatic"])

    def show_threshold(self, threshold, automatic):
        self.filled |= {"threshold": threshold, "automatic": automatic}

    def tell(self, sentence):
        self.told.append(sentence)

    def tell_error(self, sentence):
        self.told.append(f"error: {sentence}")

    def view(self, client):
        return self.eye

    @contextmanager
    def paused(self):
        self.scene.paused = True
        try:
            yield
        finally:
            self.scene.paused = False
        self.pictures += 1

    def point(self, how, then):
        self.pointing, self.then = how, then

    def stop_pointing(self):
        self.pointing = None

    def show_output(self, name):
        self.output = name if self.output == "rgb" else self.output
        return self.output


class Folder(KeypointFields):
    """The folder of the keypoints as a user sets it, and the points that are drawn."""

    def __init__(self) -> None:
        self.filled = {"shown": True, "colouring": "score", "size": 0.02}
        self.most, self.wanted = 0, None
        self.drawn, self.marked, self.text, self.times_drawn = None, None, "", 0

    shown = property(lambda self: self.filled["shown"])
    colouring = property(lambda self: self.filled["colouring"])
    size = property(lambda self: self.filled["size"])
    count = property(lambda self: self.most if self.wanted is None else self.wanted)

    def untick(self):
        self.filled["shown"] = False

    def offer(self, count):
        self.most = count

    def draw(self, points, colours, size):
        self.drawn = (points, colours, size)
        self.times_drawn += 1

    def mark(self, point, size):
        self.marked = (point, size)

    def hide(self):
        self.drawn, self.marked = None, None

    def describe(self, markdown):
        self.text = markdown
