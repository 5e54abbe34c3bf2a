"""Losses of a pair of views, against a plane whose geometry is done by hand."""

from collections.abc import Callable

import pytest
import torch
from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras
from torch import Tensor

from condense_ns.keypoints.head import KeypointHead
from condense_ns.keypoints.prior import classical_logits
from condense_ns.models.keypoint_training import (
    LOSSES,
    PairView,
    Render,
    RenderedScores,
    lift_and_project,
    pair_losses,
)
from condense_ns.pipelines.ray_caster import projection_camera
from tests.sparse_run import SparseRun

FOCAL, WIDTH, HEIGHT = 100.0, 64, 48
LEVEL = torch.eye(3)
UPSIDE_DOWN = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))
ABOVE, BESIDE = torch.tensor([0.0, 0.0, 3.0]), torch.tensor([0.3, 0.0, 2.0])
LOOKING_UP = torch.diag(torch.tensor([1.0, -1.0, -1.0]))


def view_from(
    eye: Float[Tensor, "3"],
    rotation: Float[Tensor, "3 3"] = LEVEL,
    picture: Float[Tensor, "3 height width"] | None = None,
) -> PairView:
    """A view that looks along its -z, its photograph resized to twice the size."""
    pose = torch.cat([rotation, eye[:, None]], dim=1)
    cameras = Cameras(pose[None], FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)
    if picture is None:
        picture = torch.rand(3, 2 * HEIGHT, 2 * WIDTH, generator=torch.Generator().manual_seed(0))
    return PairView(
        image=picture,
        feature_map=torch.rand(6, 8, 3, generator=torch.Generator().manual_seed(1)),
        prior_logits=classical_logits(picture, "shi-tomasi"),
        camera=cameras[0:1],
        projection=projection_camera(cameras, 0),
    )


def plane(scores: Tensor, opacity: float = 1.0) -> Render:
    """Renders the plane z = 0, with the same score everywhere."""

    def render(camera: Cameras, pixels: Float[Tensor, "rays 2"]) -> RenderedScores:
        height = camera.camera_to_worlds[0, 2, 3]
        ones = torch.ones(len(pixels))
        return RenderedScores(height * ones, opacity * ones, scores * ones)

    return render


@pytest.fixture
def head() -> KeypointHead:
    torch.manual_seed(0)
    return KeypointHead(channels=3, descriptor_dim=8, width=8, image_size=2 * WIDTH)


@pytest.fixture
def losses(head: KeypointHead) -> Callable[..., dict[str, Tensor]]:
    """Those of a pair, once their gradients have been found finite."""

    def found(view_a: PairView, view_b: PairView, opacity: float = 1.0) -> dict[str, Tensor]:
        score = torch.tensor(0.2, requires_grad=True)
        generator = torch.Generator().manual_seed(2)
        answer = pair_losses(view_a, view_b, head, plane(score, opacity), generator)
        assert tuple(sorted(answer)) == tuple(sorted(LOSSES))
        assert all(loss.shape == () and loss.isfinite() for loss in answer.values())
        head.zero_grad()
        torch.stack(list(answer.values())).sum().backward()
        gradients = [weight.grad for weight in head.parameters() if weight.grad is not None]
        assert gradients
        assert all(gradient.isfinite().all() for gradient in gradients)
        assert score.grad is not None
        assert score.grad.isfinite()
        return answer

    return found


def test_a_view_resized_to_twice_its_size():
    assert view_from(ABOVE).to_photograph().tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("turned", "sign"), [(LEVEL, 1.0), (UPSIDE_DOWN, -1.0)])
def test_pixels_of_a_plane_land_where_they_should(turned: Tensor, sign: float):
    pixels = torch.tensor([[32.0, 24.0], [10.0, 40.0], [60.5, 3.5]])
    landed, depth = lift_and_project(
        view_from(ABOVE), pixels, torch.full((3,), 3.0), view_from(BESIDE, turned)
    )
    centre = torch.tensor([32.0, 24.0])
    on_plane = (pixels - centre) * 3.0 / FOCAL  # x to the right, y down
    wanted = centre + sign * FOCAL * (on_plane - torch.tensor([0.3, 0.0])) / 2.0
    assert torch.allclose(landed, wanted, atol=1e-3)
    assert torch.allclose(depth, torch.full((3,), 2.0), atol=1e-5)


def test_pixels_stay_where_they_are_in_the_same_view():
    pixels = torch.tensor([[0.5, 0.5], [63.5, 47.5]])
    view = view_from(BESIDE)
    landed, depth = lift_and_project(view, pixels, torch.tensor([1.0, 7.0]), view)
    assert torch.allclose(landed, pixels, atol=1e-3)
    assert torch.allclose(depth, torch.tensor([1.0, 7.0]), atol=1e-5)


def test_what_lies_behind_a_view_has_a_negative_depth():
    _, depth = lift_and_project(
        view_from(ABOVE), torch.tensor([[32.0, 24.0]]), torch.tensor([3.0]), view_from(-ABOVE)
    )
    assert depth.item() == pytest.approx(-3.0)


def test_two_views_of_a_plane_teach_everything(losses):
    found = losses(view_from(ABOVE), view_from(BESIDE))
    for name in ("consistency", "repeatability", "peakedness", "contrast", "reliability", "prior"):
        assert found[name] > 0.0, name


def test_a_view_repeats_itself(losses):
    view = view_from(ABOVE)
    same, other = losses(view, view), losses(view, view_from(BESIDE))
    assert same["repeatability"].abs() < 1e-3
    assert same["place"].abs() < 1e-4
    assert other["repeatability"] > 0.05


def test_views_that_share_nothing_teach_nothing_of_pairs(losses):
    away = view_from(torch.tensor([0.0, 0.0, 10.0]), LOOKING_UP)
    found = losses(view_from(ABOVE), away)
    for name in ("repeatability", "contrast", "reliability", "place"):
        assert found[name] == 0.0, name
    assert found["prior"] > 0.0


def test_what_is_hidden_from_the_other_view_is_left_out(head: KeypointHead):
    behind = torch.tensor([0.3, 0.0, 2.0])

    def render(camera: Cameras, pixels: Float[Tensor, "rays 2"]) -> RenderedScores:
        shown = plane(torch.tensor(0.2))(camera, pixels)
        near = bool(camera.camera_to_worlds[0, 2, 3] == behind[2])
        depth = shown.z_depth * (0.5 if near else 1.0)  # something stands before the second
        return RenderedScores(depth, shown.opacity, shown.scores)

    pair = view_from(ABOVE), view_from(behind)
    found = pair_losses(*pair, head, render, torch.Generator().manual_seed(2))
    assert found["contrast"] == found["repeatability"] == 0.0


def test_emptiness_is_no_surface(losses):
    found = losses(view_from(ABOVE), view_from(BESIDE), opacity=0.2)
    assert found["contrast"] == found["repeatability"] == found["place"] == 0.0


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_pictures_of_one_colour_have_finite_losses(losses, grey: float):
    blank = torch.full((3, 2 * HEIGHT, 2 * WIDTH), grey)
    assert losses(view_from(ABOVE, picture=blank), view_from(BESIDE, picture=blank))["place"] == 0.0
    losses(view_from(ABOVE), view_from(BESIDE, picture=blank))


def test_a_trained_model_can_be_asked_at_no_pixel(sparse_run: SparseRun):
    pipeline = sparse_run.load()
    camera = pipeline.datamanager.train_dataset.cameras[0:1]
    shown = pipeline.model.render_scores(camera, torch.zeros(0, 2))
    assert shown.z_depth.shape == shown.opacity.shape == shown.scores.shape == (0,)


def test_rendered_scores_are_those_of_the_picture(sparse_run: SparseRun):
    pipeline = sparse_run.load()
    camera = pipeline.datamanager.train_dataset.cameras[0:1]
    pixels = torch.tensor([[20.5, 40.5], [64.5, 48.5], [100.5, 30.5]])
    shown = pipeline.model.render_scores(camera, pixels)
    picture = pipeline.model.get_outputs_for_camera(camera)["keypoint_score"][..., 0]
    columns, rows = pixels.long().unbind(dim=1)
    assert torch.allclose(shown.scores.detach(), picture[rows, columns], atol=1e-4)
    assert shown.scores.requires_grad
    assert not shown.z_depth.requires_grad
