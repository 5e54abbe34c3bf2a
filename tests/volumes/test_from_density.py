"""A field with known surfaces becomes voxels at these surfaces."""

import pytest
import torch
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.volumes.from_density import FieldSampling, volume_from_density
from condense_ns.volumes.volume_checks import validated

LOW, HIGH = torch.tensor([-2.0, -2.0, -2.0]), torch.tensor([2.0, 2.0, 2.0])
CENTRE, RADIUS, DENSE = torch.tensor([0.3, -0.2, 0.1]), 0.9, 60.0
SAMPLING = FieldSampling(voxel_size=0.1)


def shell(positions):
    """A soft sphere's surface: dense within a tenth of its radius."""
    return DENSE * torch.exp(-((((positions - CENTRE).norm(dim=1) - RADIUS) / 0.05) ** 2))


def ball(positions):
    """Dense inside."""
    return DENSE * torch.sigmoid((RADIUS - (positions - CENTRE).norm(dim=1)) / 0.05)


def place_as_colour(positions, directions):
    return (positions - LOW) / (HIGH - LOW)


def made(density, sampling=SAMPLING, colour=place_as_colour, **other):
    return validated(volume_from_density(density, colour, LOW, HIGH, sampling, **other))


def test_by_hand_one_voxel():
    """A cube of density 8 that is exactly the voxel (1, 0, 1) of eight."""

    def density(positions):
        inside = (positions > torch.tensor([0.0, -2.0, 0.0])) & (
            positions < torch.tensor([2.0, 0.0, 2.0])
        )
        return 8.0 * inside.all(dim=1)

    volume = made(density, FieldSampling(voxel_size=2.0, halvings=0))
    assert volume.voxel_indices.tolist() == [[1, 0, 1]]
    assert volume.centres.tolist() == [[1.0, -1.0, 1.0]]
    assert volume.density.tolist() == [8.0]
    assert volume.colour.tolist() == [[0.75, 0.25, 0.75]]
    assert volume.normal.tolist() == [[0.0, 0.0, 0.0]]
    assert volume.kind == "radiance"


def test_the_density_that_is_asked_for_stops_the_share_of_light_that_is_asked_for():
    sampling = FieldSampling(voxel_size=0.5, least_opacity=0.25)
    assert 1 - torch.exp(torch.tensor(-sampling.least_density * 0.5)) == pytest.approx(0.25)


@pytest.mark.parametrize("halvings", [0, 2, 4])
def test_from_coarse_to_fine_finds_what_a_dense_search_finds(halvings):
    sampling = FieldSampling(voxel_size=0.1, halvings=halvings)
    volume = made(shell, sampling)
    axis = (torch.arange(80) + 0.5) * 0.05 - 2.0
    fine = (
        shell(torch.cartesian_prod(axis, axis, axis))
        .reshape(40, 2, 40, 2, 40, 2)
        .mean(dim=(1, 3, 5))
    )
    dense = fine > sampling.least_density
    assert torch.equal(volume.voxel_indices.long(), torch.nonzero(dense))
    torch.testing.assert_close(volume.density, fine[dense], rtol=1e-3, atol=1e-3)


def test_voxels_lie_on_the_surface_and_normals_point_out_of_it():
    volume = made(ball, visible=lambda positions: (positions - CENTRE).norm(dim=1) > RADIUS - 0.1)
    offset = volume.centres - CENTRE
    assert (offset.norm(dim=1) - RADIUS).abs().max() < 0.25
    cosine = (F.normalize(offset, dim=1) * volume.normal).sum(dim=1)
    assert cosine.quantile(0.02) > 0.97


def test_colours_are_asked_for_as_a_camera_sees_them_and_kept_in_range():
    asked = []

    def colour(positions, directions):
        asked.append((positions, directions))
        return 3.0 * torch.ones_like(positions)

    volume = made(shell, colour=colour)
    assert (volume.colour == 1.0).all()
    positions, directions = (torch.cat(parts) for parts in zip(*asked, strict=True))
    assert torch.equal(positions, volume.centres)
    assert torch.equal(directions, -volume.normal)


def test_only_what_is_visible_is_kept():
    volume = made(ball, visible=lambda positions: positions[:, 2] > 0.5)
    assert volume.centres[:, 2].min() > 0.5


def test_fields_are_asked_in_parts(monkeypatch):
    whole, sizes = made(shell), []
    monkeypatch.setattr("condense_ns.volumes.from_density.BATCH", 1000)

    def density(positions):
        sizes.append(len(positions))
        return shell(positions)

    assert torch.equal(made(density).voxel_indices, whole.voxel_indices)
    assert max(sizes) <= 1000


def test_little_of_an_empty_box_is_looked_at():
    asked = []

    def density(positions):
        asked.append(len(positions))
        return shell(positions)

    made(density, FieldSampling(voxel_size=0.05))
    assert sum(asked) < 0.6 * 8 * 80**3


@pytest.mark.parametrize(
    ("sampling", "high", "sentence"),
    [
        (SAMPLING, LOW, "the field has no box to look in: .*; give a larger one"),
        (FieldSampling(0.0), HIGH, "the field has no box to look in: .*"),
        (SAMPLING, torch.full((3,), torch.inf), "the field has no box to look in: .*"),
        (
            FieldSampling(1e-5),
            HIGH,
            "the field has a box of too many voxels; give larger voxels or .*",
        ),
    ],
)
def test_impossible_boxes_are_refused(sampling, high, sentence):
    with pytest.raises(UserError, match=rf"^{sentence}$"):
        volume_from_density(shell, place_as_colour, LOW, high, sampling)


def test_a_field_that_fills_its_box_with_too_many_voxels_is_refused(monkeypatch):
    monkeypatch.setattr("condense_ns.volumes.from_density.MOST_VOXELS", 5000)
    with pytest.raises(
        UserError, match=r"^the field has more than 5000 voxels to look at; give larger"
    ):
        made(ball)


def test_an_empty_field_is_refused():
    with pytest.raises(
        UserError, match=r"^run 3 is empty in its box: nowhere does a voxel stop 10%"
    ):
        made(lambda positions: torch.zeros(len(positions)), name="run 3")


def test_a_field_that_nobody_sees_is_refused():
    with pytest.raises(UserError, match=r"^the field is empty in its box"):
        made(shell, visible=lambda positions: torch.zeros(len(positions), dtype=torch.bool))


def test_a_density_that_is_not_finite_is_refused():
    with pytest.raises(
        UserError, match=r"^the field has a density that is not finite; train it anew$"
    ):
        made(lambda positions: shell(positions) / 0)
