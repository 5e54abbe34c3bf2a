"""Learning rates up to the end of a schedule, and after it."""

import subprocess
import sys
from typing import Any

import pytest
import torch
from nerfstudio.engine.schedulers import CosineDecaySchedulerConfig, SchedulerConfig

from condense_ns.methods import SPECIFICATIONS
from condense_ns.pipelines.landing_schedule import LandingScheduleConfig

RATE, STEPS = 0.5, 40
PARSED = """
import tyro
from nerfstudio.configs.method_configs import AnnotatedBaseConfigUnion

for method, group in (("condense-dense-tiny", "features"), ("condense-sparse", "keypoints")):
    option = f"--optimizers.{group}.scheduler.max-steps"
    config = tyro.cli(AnnotatedBaseConfigUnion, args=[method, option, "77"])
    schedule = config.optimizers[group]["scheduler"]
    print(type(schedule).__name__, schedule.max_steps)
"""
"""What ns-train makes of its options."""
SETTINGS: dict[str, Any] = {"warm_up_end": 7, "learning_rate_alpha": 0.05, "max_steps": STEPS}


def scheduled(config: SchedulerConfig) -> torch.optim.lr_scheduler.LRScheduler:
    """A scheduler of some optimiser."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    return config.setup().get_scheduler(optimizer, RATE)


def rates(scheduler: torch.optim.lr_scheduler.LRScheduler, steps: int) -> list[float]:
    """Rates of so many steps from where it is."""
    found = []
    for _ in range(steps):
        found.append(float(scheduler.get_last_lr()[0]))
        scheduler.optimizer.step()
        scheduler.step()
    return found


def test_rates_are_the_hosts_to_the_end_and_stay_there():
    ours = rates(scheduled(LandingScheduleConfig(**SETTINGS)), 2 * STEPS)
    hosts = rates(scheduled(CosineDecaySchedulerConfig(**SETTINGS)), 2 * STEPS)
    assert ours[: STEPS + 1] == hosts[: STEPS + 1]
    assert set(ours[STEPS:]) == {0.05 * RATE}
    assert hosts[-1] > 10 * ours[-1]  # what it is for


def test_a_resumed_schedule_stays_at_its_end():
    first = scheduled(LandingScheduleConfig(**SETTINGS))
    rates(first, STEPS)
    resumed = scheduled(LandingScheduleConfig(**SETTINGS))
    resumed.load_state_dict(first.state_dict())
    assert set(rates(resumed, STEPS)[1:]) == {0.05 * RATE}


def test_a_schedule_that_ends_while_it_warms_up_has_rates():
    settings: dict[str, Any] = SETTINGS | {"warm_up_end": STEPS}
    found = rates(scheduled(LandingScheduleConfig(**settings)), STEPS + 3)
    assert found[STEPS - 1] == pytest.approx(RATE * (STEPS - 1) / STEPS)
    assert found[STEPS:] == [0.05 * RATE] * 3


@pytest.mark.parametrize("name", SPECIFICATIONS)
def test_no_rate_of_a_preset_rises_after_its_schedule(name: str):
    for group, parts in SPECIFICATIONS[name].config.optimizers.items():
        schedule = parts["scheduler"]
        assert isinstance(schedule, SchedulerConfig)
        steps = schedule.max_steps  # type: ignore[attr-defined]
        rate = scheduled(schedule).lr_lambdas[0]  # type: ignore[attr-defined]
        assert rate(steps) == pytest.approx(rate(steps + steps // 2)), group


@pytest.mark.slow
def test_the_end_can_be_named_on_the_command_line():
    line = [sys.executable, "-c", PARSED]  # the checker of types in tests is stricter than the host
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["LandingScheduleConfig 77"] * 2
