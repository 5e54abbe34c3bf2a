"""lift3d as a model of nerfstudio: losses of examples, pictures of cameras."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from nerfstudio.data.scene_box import SceneBox

from condense_ns.data.feature_statistics import feature_statistics
from condense_ns.data.host_cameras import host_cameras
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays
from condense_ns.lifting.lift_example import LiftExample
from condense_ns.lifting.lift_training import example_losses
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.lifting.network_file import SHIPPED, save_network
from condense_ns.lifting.view_rendering import render_picture
from condense_ns.models.lazy_lpips import lpips_weights_on_disk
from condense_ns.models.lift3d import (
    Lift3DModel,
    Lift3DModelConfig,
    LiftedFeatures,
    Surroundings,
    enlarged,
)
from tests.lifting.looking_views import RANGE, TARGET, photographs, plane_depths, sources

OUTPUTS = ["rgb", "depth", "accumulation", "feature_pca"]
CAMERA = host_cameras(TARGET)


def model_of(**options) -> Lift3DModel:
    """A small model from random weights."""
    settings = {"initial_weights": None, "depth_planes": 12, "samples_per_ray": 3, **options}
    sizes = {"window_height": 32, "window_width": 40, "rays_per_step": 32}
    torch.manual_seed(0)
    config = Lift3DModelConfig(**sizes, feature_rays_per_step=16, **settings)
    model = config.setup(scene_box=SceneBox(torch.zeros(2, 3)), num_train_data=2)
    return model.eval()


def around(features=False) -> Surroundings:
    """Photographs of the plane, with features if wanted."""
    given = sources(3)
    given = replace(given, images=given.images.clamp(0, 1))
    if not features:
        return Surroundings(given, RANGE)
    maps = torch.randn(3, 6, 8, 5, generator=torch.Generator().manual_seed(0))
    about = feature_statistics(maps.flatten(0, 2), "00")
    return Surroundings(given, RANGE, LiftedFeatures(maps, about))


def example(seed=0) -> LiftExample:
    generator = torch.Generator().manual_seed(seed)
    image = photographs(TARGET).images[0].clamp(0, 1)
    maps = torch.randn(4, 6, 8, 5, generator=generator)
    return LiftExample(
        scene="plane",
        view=0,
        target=TARGET,
        image=image,
        depth=plane_depths(TARGET),
        sources=around().sources,
        depth_range=RANGE,
        target_features={"random": maps[0]},
        source_features={"random": maps[1:]},
    )


def test_losses_are_means_over_the_examples():
    model = model_of()
    found = model([(example(0), 5), (example(1), 6)])
    for name in ("rgb", "plane", "depth", "feature_cosine", "feature_l2"):
        by_hand = [
            example_losses(
                model.network,
                example(at),
                model.training_sizes,
                torch.Generator().manual_seed(seed),
            )[name]
            for at, seed in ((0, 5), (1, 6))
        ]
        torch.testing.assert_close(found[name], (by_hand[0] + by_hand[1]) / 2)


def test_a_loss_that_one_example_lacks_is_that_of_the_others():
    model = model_of()
    flat = replace(example(1), depth=None)
    both, alone = model([(example(0), 5), (flat, 6)]), model([(example(0), 5)])
    torch.testing.assert_close(both["plane"], alone["plane"])
    assert not torch.equal(both["rgb"], alone["rgb"])


def test_each_loss_has_a_weight():
    model = model_of(rgb_loss_mult=2.0, plane_loss_mult=3.0, feature_l2_loss_mult=0.0)
    outputs = {name: torch.ones(()) for name in ("rgb", "plane", "depth", "feature_l2")}
    losses = model.get_loss_dict(outputs, {})
    expected = {"rgb_loss": 2.0, "plane_loss": 3.0, "depth_loss": 0.1, "feature_l2_loss": 0.0}
    assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(expected)
    assert model.get_metrics_dict(outputs, {}) == outputs


def test_a_loss_that_weighs_nothing_has_no_gradients_unless_none_has():
    model = model_of(rgb_loss_mult=1.0, plane_loss_mult=0.0)
    rgb, plane = (torch.ones((), requires_grad=True) for _ in range(2))
    losses = model.get_loss_dict({"rgb": rgb, "plane": plane}, {})
    sum(losses.values()).backward()  # type: ignore[union-attr]
    assert rgb.grad == 1.0
    assert plane.grad is None  # with a gradient of 0, Adam would move on
    model.get_loss_dict({"plane": plane}, {})["plane_loss"].backward()
    assert plane.grad == 0.0


def test_the_window_and_the_rays_are_those_of_the_settings():
    sizes = model_of().training_sizes
    assert (sizes.window, sizes.rays, sizes.feature_rays) == ((32, 40), 32, 16)


def test_all_of_the_network_is_optimised():
    model = model_of()
    groups = model.get_param_groups()
    assert set(groups) == {"network"}
    assert {id(one) for one in groups["network"]} == {id(one) for one in model.network.parameters()}


def test_pictures_are_those_of_the_network_and_depth_is_along_the_ray():
    model = model_of()
    asked: list[PinholeViews] = []

    def surroundings(target: PinholeViews) -> Surroundings:
        asked.append(target)
        return around()

    model.surroundings = surroundings
    found = model.get_outputs_for_camera(CAMERA)
    assert list(found) == OUTPUTS
    torch.testing.assert_close(asked[0].intrinsics, TARGET.intrinsics)
    expected = render_picture(model.network, model.look_at(asked[0], around()), 48, 64)
    torch.testing.assert_close(found["rgb"], expected.rgb)
    torch.testing.assert_close(found["accumulation"], expected.accumulation)
    _, directions = pixel_rays(grid_places(48, 64), TARGET)
    lengths = directions.norm(dim=1).reshape(48, 64, 1)
    torch.testing.assert_close(found["depth"], expected.depth * lengths)
    assert (found["feature_pca"] == 0).all()  # no features, no colours


def test_features_have_the_colours_of_their_statistics():
    model = model_of()
    with_features = around(features=True)
    model.surroundings = lambda target: with_features
    first = model.get_outputs_for_camera(CAMERA)
    assert first["feature_pca"].std() > 0.05
    assert ((first["feature_pca"] >= 0) & (first["feature_pca"] <= 1)).all()
    assert with_features.features is not None
    about = with_features.features.statistics
    flipped = replace(about, pca_basis=about.pca_basis.flip(1), pca_range=about.pca_range.flip(1))
    swapped = replace(with_features, features=replace(with_features.features, statistics=flipped))
    model.surroundings = lambda target: swapped
    second = model.get_outputs_for_camera(CAMERA)
    torch.testing.assert_close(second["feature_pca"].flip(2), first["feature_pca"])


def test_large_cameras_are_rendered_small_and_enlarged():
    model = model_of(eval_image_size=32)
    sizes = []

    def surroundings(target: PinholeViews) -> Surroundings:
        sizes.append((target.height, target.width))
        return around(features=True)

    model.surroundings = surroundings
    large = host_cameras(TARGET.resized(96, 128))
    found = model.get_outputs_for_camera(large)
    assert sizes == [(24, 32)]
    assert {name: tuple(values.shape) for name, values in found.items()} == {
        "rgb": (96, 128, 3),
        "depth": (96, 128, 1),
        "accumulation": (96, 128, 1),
        "feature_pca": (96, 128, 3),
    }
    model.get_outputs_for_camera(host_cameras(TARGET.resized(3, 400)))
    assert sizes[1] == (8, 32)


def test_enlarging_keeps_what_lies_in_the_middle():
    ramp = torch.arange(4.0).reshape(1, 4, 1).expand(2, 4, 1)
    assert enlarged(ramp, (2, 4)) is ramp
    assert enlarged(ramp, (4, 8))[0, :, 0].tolist() == [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]


def test_metrics_of_a_picture_by_hand():
    model = model_of()
    true = torch.full((48, 64, 3), 0.5)
    outputs = {"rgb": true + 0.1, "feature_pca": torch.zeros(48, 64, 3)}
    metrics, images = model.get_image_metrics_and_images(outputs, {"image": true})
    assert metrics["psnr"] == pytest.approx(20.0, abs=1e-3)
    assert set(metrics) - {"lpips"} == {"psnr", "ssim"}
    assert ("lpips" in metrics) == lpips_weights_on_disk()
    assert images["img"].shape == (48, 128, 3)
    with_alpha = torch.cat([true, torch.ones(48, 64, 1)], dim=2)
    again, _ = model.get_image_metrics_and_images(outputs, {"image": with_alpha})
    assert again["psnr"] == metrics["psnr"]


def test_training_starts_from_weights_whatever_number_of_planes_they_were_trained_with(
    tmp_path: Path,
):
    torch.manual_seed(3)
    network = LiftingNetwork(planes=30, samples=5)
    save_network(network, tmp_path / "lift.safetensors")
    model = model_of(initial_weights=tmp_path / "lift.safetensors")
    assert (model.network.planes, model.network.samples) == (12, 3)
    for name, value in network.state_dict().items():
        assert torch.equal(model.network.state_dict()[name], value), name


def test_weights_that_are_not_there_are_told(tmp_path: Path):
    with pytest.raises(UserError, match="cannot be read as weights of lift3d"):
        model_of(initial_weights=tmp_path / "none.safetensors")


def test_training_starts_from_the_weights_of_the_package():
    assert Lift3DModelConfig().initial_weights == SHIPPED
