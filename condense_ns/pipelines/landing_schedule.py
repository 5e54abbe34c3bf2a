"""Learning rates that land and stay there: a resumed run trains beyond the end of its schedule."""

from dataclasses import dataclass, field

from nerfstudio.engine.schedulers import CosineDecayScheduler, CosineDecaySchedulerConfig
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


@dataclass
class LandingScheduleConfig(CosineDecaySchedulerConfig):
    """The host's cosine decay; from `max_steps` on, where the host's rises again, its last rate."""

    _target: type = field(default_factory=lambda: LandingSchedule)


class LandingSchedule(CosineDecayScheduler):
    """The host's scheduler, its progress clamped at the end."""

    config: LandingScheduleConfig

    def get_scheduler(self, optimizer: Optimizer, lr_init: float) -> LambdaLR:
        """The host's scheduler of an optimiser, with another end.

        Args:
            optimizer: whose rates it sets.
            lr_init: its first learning rate.
        """
        scheduler = super().get_scheduler(optimizer, lr_init)
        assert isinstance(scheduler, LambdaLR)
        end, last = self.config.max_steps, self.config.learning_rate_alpha
        scheduler.lr_lambdas = [
            lambda step, before=before: before(step) if step < end else last
            for before in scheduler.lr_lambdas
        ]
        return scheduler
