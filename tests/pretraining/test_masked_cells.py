"""Cells of photographs that masks leave out are neither seen nor learned from."""

from dataclasses import replace

import torch

from condense_ns.geometry.valid_pixels import telling_cells
from condense_ns.pretraining.joint_training import OBJECTIVES, joint_losses
from condense_ns.pretraining.pair_landings import pair_landings
from condense_ns.pretraining.pretrain_example import PretrainExample
from condense_ns.pretraining.seen_cells import SeenCells, seen_cells, stacked_cells
from tests.pretraining.made_up_example import GRIDS, VIEWS, cube, example, network


def valid(hidden: bool = True) -> torch.Tensor:
    """All but the middle of the first view's right half."""
    found = torch.ones(len(VIEWS), VIEWS.height, VIEWS.width, dtype=torch.bool)
    rows, columns = VIEWS.height // 4, VIEWS.width // 2
    found[0, rows:-rows, columns:] = not hidden
    return found


def masked_cells(mask: torch.Tensor, rows: int, columns: int) -> SeenCells:
    views = replace(VIEWS, valid=mask)
    each = [seen_cells(cube(), views[[at]], rows, columns) for at in range(len(views))]
    return stacked_cells(each)


def masked_example(mask: torch.Tensor) -> PretrainExample:
    given = example()
    seen = {spec: masked_cells(mask, *grid) for spec, grid in GRIDS.items()}
    landings = {spec: pair_landings(one, VIEWS) for spec, one in seen.items()}
    return replace(given, seen=seen, landings=landings, target=replace(VIEWS, valid=mask))


def test_nothing_is_seen_where_the_photograph_does_not_count():
    plain, found = example().seen["fine"], masked_cells(valid(), *GRIDS["fine"])
    counted = telling_cells(valid(), *GRIDS["fine"]).flatten(1)
    assert torch.equal(found.counted, counted)
    assert plain.visible[~counted].any()
    assert not found.visible[~counted].any()
    assert not found.depth[~counted].any()
    assert not found.composite(cube().colour)[~counted].any()
    for name in ("voxels", "weights", "surface", "depth", "points"):
        one, other = getattr(found, name)[counted], getattr(plain, name)[counted]
        assert torch.equal(one, other), name
    assert plain.counted.all()


def test_no_cell_lands_in_one_that_does_not_count():
    plain, found = (masked_example(valid(hidden)).landings["fine"] for hidden in (False, True))
    assert torch.equal(plain.shared, example().landings["fine"].shared)
    lost = plain.shared & ~found.shared
    assert lost[0].any()  # of the masked view
    assert lost[2].any()  # of the one that lands in it
    assert not lost[1].any()
    assert not (found.shared & ~plain.shared).any()


def test_masks_that_leave_all_change_nothing():
    losses = joint_losses(network(), [example()], OBJECTIVES)
    for name, loss in joint_losses(network(), [masked_example(valid(False))], OBJECTIVES).items():
        assert torch.equal(loss, losses[name]), name


def test_what_is_said_of_masked_cells_is_not_learned_from(monkeypatch):
    """The 2D branch looks at neighbours, as the encoder does; here it is told not to."""
    made, given = network(), masked_example(valid())
    monkeypatch.setattr(type(made), "refined", lambda self, spec, original, trunks: 2 * original)

    def losses(seed: int) -> dict[str, torch.Tensor]:
        features = {}
        for spec, maps in given.features.items():
            noise = torch.randn(maps.shape, generator=torch.Generator().manual_seed(seed))
            telling = telling_cells(valid(), *GRIDS[spec])
            features[spec] = torch.where(telling[..., None], maps, noise)
        assert given.priors is not None
        noise = torch.randn(given.priors.shape, generator=torch.Generator().manual_seed(seed))
        priors = torch.where(telling_cells(valid(), *GRIDS["fine"]), given.priors, noise)
        changed = replace(given, features=features, priors=priors)
        return joint_losses(made, [changed], OBJECTIVES)

    one, other = losses(1), losses(2)
    assert {
        "anchor",
        "transfer",
        "steady",
        "alike",
        "told",
        "correspondence",
        "score_prior",
    } <= set(one)
    for name, loss in one.items():
        torch.testing.assert_close(loss, other[name], msg=name)


def test_views_masked_wholly_teach_nothing_and_break_nothing():
    made = network()
    given = masked_example(torch.zeros_like(valid()))
    losses = joint_losses(made, [given], OBJECTIVES)
    assert all(loss.isfinite() for loss in losses.values())
    for name in (
        "lifted",
        "refined",
        "anchor",
        "steady",
        "alike",
        "told",
        "transfer",
        "correspondence",
    ):
        assert losses[name].item() == 0, name
    torch.stack(list(losses.values())).sum().backward()
    gradients = [one.grad for one in made.parameters() if one.grad is not None]
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)
