"""Presets of the methods over many scenes: lift3d and condense-pretrain."""

from nerfstudio.configs.base_config import LoggingConfig, MachineConfig, ViewerConfig
from nerfstudio.engine.trainer import TrainerConfig

from condense_ns.data.multi_scene_datamanager import MultiSceneDataManagerConfig
from condense_ns.data.volume_datamanager import VolumeDataManagerConfig
from condense_ns.models.condense_pretrain import CondensePretrainModelConfig
from condense_ns.models.lift3d import Lift3DModelConfig
from condense_ns.pipelines.cross_scene_pipeline import CrossScenePipelineConfig
from condense_ns.pipelines.fused_adam import FusedAdamConfig
from condense_ns.pipelines.landing_schedule import LandingScheduleConfig

TUNING = {"tuned_blocks": 2e-5, "lora": 5e-4}
"""Learning rates of whole blocks of encoders, and of low-rank updates of them."""


def lift3d() -> TrainerConfig:
    """Cross-scene lifting, for a GPU."""
    return TrainerConfig(
        method_name="lift3d",
        steps_per_eval_batch=500,
        steps_per_save=2000,
        max_num_iterations=100_000,
        mixed_precision=False,
        use_grad_scaler=False,
        pipeline=CrossScenePipelineConfig(
            datamanager=MultiSceneDataManagerConfig(image_size=512, num_sources=(6, 10)),
            model=Lift3DModelConfig(
                depth_planes=64,
                samples_per_ray=8,
                window_height=192,
                window_width=256,
                rays_per_step=4096,
                feature_rays_per_step=1024,
                picture_side=96,
                eval_image_size=1024,
                eval_num_rays_per_chunk=1 << 15,
            ),
        ),
        optimizers=cross_scene_optimizers(100_000),
        viewer=ViewerConfig(num_rays_per_chunk=1 << 15),
        vis="viewer",
    )


def lift3d_tiny(steps: int = 4000) -> TrainerConfig:
    """Two CPU cores, an hour from nothing, minutes from the weights that come with the package.

    Args:
        steps: of the training; the learning rate lands at its end.
    """
    pipeline = CrossScenePipelineConfig(model=Lift3DModelConfig(eval_image_size=256))
    return _for_two_cores("lift3d-tiny", steps, pipeline)


def condense_pretrain() -> TrainerConfig:
    """One 2D and one 3D network for all scenes, for a GPU."""
    steps = 30_000
    return TrainerConfig(
        method_name="condense-pretrain",
        steps_per_eval_batch=500,
        steps_per_eval_image=1000,
        steps_per_eval_all_images=100 * steps,
        steps_per_save=2000,
        max_num_iterations=steps,
        mixed_precision=False,
        use_grad_scaler=False,
        pipeline=CrossScenePipelineConfig(
            encoders=("mini",),
            datamanager=VolumeDataManagerConfig(
                image_size=512,
                examples_per_step=8,
                views_per_example=8,
                most_voxels=120_000,
                memory_mb=24_000,
            ),
            model=CondensePretrainModelConfig(eval_image_size=1024),
        ),
        optimizers=pretraining_optimizers(steps),
        viewer=ViewerConfig(num_rays_per_chunk=1 << 15),
        vis="viewer",
    )


def condense_pretrain_tiny(steps: int = 4000) -> TrainerConfig:
    """Two CPU cores, half an hour.

    Args:
        steps: of the training; the learning rates land at its end.
    """
    pipeline = CrossScenePipelineConfig(
        encoders=("mini",),
        datamanager=VolumeDataManagerConfig(),
        model=CondensePretrainModelConfig(preset="S", eval_image_size=256),
    )
    config = _for_two_cores("condense-pretrain-tiny", steps, pipeline)
    config.optimizers = pretraining_optimizers(steps)
    return config


def _for_two_cores(name: str, steps: int, pipeline: CrossScenePipelineConfig) -> TrainerConfig:
    return TrainerConfig(
        method_name=name,
        machine=MachineConfig(device_type="cpu"),
        logging=LoggingConfig(steps_per_log=50),
        steps_per_eval_batch=500,
        steps_per_eval_image=500,
        steps_per_eval_all_images=100 * steps,
        steps_per_save=500,
        max_num_iterations=steps,
        mixed_precision=False,
        use_grad_scaler=False,
        pipeline=pipeline,
        optimizers=cross_scene_optimizers(steps),
        viewer=ViewerConfig(num_rays_per_chunk=8192),
        vis="tensorboard",
    )


def cross_scene_optimizers(steps: int, rate: float = 2e-3) -> dict[str, dict[str, object]]:
    """Adam that warms up and lands softly; norms of gradients are bounded."""
    landing = LandingScheduleConfig(
        warm_up_end=steps // 20, learning_rate_alpha=0.02, max_steps=steps
    )
    optimizer = FusedAdamConfig(lr=rate, eps=1e-8, max_norm=1.0)
    return {"network": {"optimizer": optimizer, "scheduler": landing}}


def pretraining_optimizers(steps: int) -> dict[str, dict[str, object]]:
    """The same for the networks, with smaller steps for blocks of encoders, which are trained already."""
    return {
        **cross_scene_optimizers(steps),
        **{name: cross_scene_optimizers(steps, rate)["network"] for name, rate in TUNING.items()},
    }
