"""A run's config.yml once more, with what became known when its parts were built."""

from nerfstudio.engine.callbacks import TrainingCallbackAttributes


def save_config_again(attributes: TrainingCallbackAttributes) -> None:
    """The host writes the file before any data is read: the sizes of features are not in it yet."""
    trainer = attributes.trainer
    if trainer is not None and trainer.local_rank == 0:
        trainer.config.save_config()
