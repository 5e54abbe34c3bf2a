"""A training of no steps: what is predicted, taken over or loaded, kept as it is."""

from nerfstudio.engine.callbacks import TrainingCallbackAttributes


def allow_no_steps(attributes: TrainingCallbackAttributes) -> None:
    """Let `--max-num-iterations 0` end with a checkpoint, numbered like the one that was loaded, if any.

    The host's table of steps, which is set up after the callbacks, ends such a training with a `KeyError`.
    """
    trainer = attributes.trainer
    if trainer is not None and trainer.config.max_num_iterations < 1:
        trainer.config.logging.local_writer.enable = False
        trainer.step = max(0, trainer._start_step - 1)
