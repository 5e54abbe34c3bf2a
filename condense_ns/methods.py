"""The methods that nerfstudio lists, with their presets."""

from dataclasses import fields

from nerfstudio.cameras.camera_optimizers import CameraOptimizerConfig
from nerfstudio.configs.base_config import LoggingConfig, MachineConfig, ViewerConfig
from nerfstudio.data.dataparsers.nerfstudio_dataparser import NerfstudioDataParserConfig
from nerfstudio.engine.schedulers import ExponentialDecaySchedulerConfig
from nerfstudio.engine.trainer import TrainerConfig
from nerfstudio.plugins.types import MethodSpecification

from condense_ns.cross_scene_presets import (
    condense_pretrain,
    condense_pretrain_tiny,
    lift3d,
    lift3d_tiny,
)
from condense_ns.data.feature_datamanager import FeatureDataManagerConfig
from condense_ns.models.condense_dense import CondenseDenseModelConfig
from condense_ns.models.condense_sparse import CondenseSparseModelConfig
from condense_ns.pipelines.feature_pipeline import FeaturePipelineConfig
from condense_ns.pipelines.fused_adam import FusedAdamConfig
from condense_ns.pipelines.landing_schedule import LandingScheduleConfig
from condense_ns.pipelines.sparse_pipeline import SparsePipelineConfig


def condense_dense() -> TrainerConfig:
    """Nerfacto's own sizes and a feature field beside it, for a GPU."""
    return TrainerConfig(
        method_name="condense-dense",
        steps_per_eval_batch=500,
        steps_per_save=2000,
        max_num_iterations=30000,
        mixed_precision=True,
        pipeline=FeaturePipelineConfig(
            datamanager=FeatureDataManagerConfig(
                dataparser=NerfstudioDataParserConfig(),
                train_num_rays_per_batch=4096,
                eval_num_rays_per_batch=4096,
            ),
            model=CondenseDenseModelConfig(
                eval_num_rays_per_chunk=1 << 15,
                average_init_density=0.01,
                camera_optimizer=CameraOptimizerConfig(mode="SO3xR3"),
            ),
        ),
        optimizers=full_optimizers(),
        viewer=ViewerConfig(num_rays_per_chunk=1 << 15),
        vis="viewer",
    )


def condense_dense_tiny(steps: int = 2200) -> TrainerConfig:
    """Two CPU cores, minutes to a usable scene.

    Args:
        steps: of the training; the learning rates land at its end.
    """
    return TrainerConfig(
        method_name="condense-dense-tiny",
        machine=MachineConfig(device_type="cpu"),
        logging=LoggingConfig(steps_per_log=50),
        steps_per_eval_batch=steps,
        steps_per_eval_image=steps,
        steps_per_eval_all_images=100 * steps,
        steps_per_save=500,
        max_num_iterations=steps,
        mixed_precision=False,
        use_grad_scaler=False,
        pipeline=FeaturePipelineConfig(
            datamanager=FeatureDataManagerConfig(
                dataparser=NerfstudioDataParserConfig(),
                train_num_rays_per_batch=1024,
                eval_num_rays_per_batch=1024,
            ),
            model=CondenseDenseModelConfig(
                eval_num_rays_per_chunk=4096,
                average_init_density=0.1,  # the host's 0.01 takes half of these few steps to fill
                camera_optimizer=CameraOptimizerConfig(mode="off"),
                implementation="torch",
                num_levels=8,
                log2_hashmap_size=18,
                max_res=2048,
                hidden_dim=32,
                hidden_dim_color=32,
                num_proposal_samples_per_ray=(64, 32),
                num_nerf_samples_per_ray=24,
                proposal_net_args_list=[
                    proposal_network(max_res=64),
                    proposal_network(max_res=256),
                ],
                feature_num_levels=8,
                feature_log2_hashmap_size=18,
                feature_max_res=1024,
                feature_hidden_dim=128,
                feature_samples_per_ray=4,
            ),
        ),
        optimizers=tiny_optimizers(steps),
        viewer=ViewerConfig(num_rays_per_chunk=4096, quit_on_train_completion=True),
        vis="viewer",
    )


def condense_sparse() -> TrainerConfig:
    """condense-dense, whose second half also trains keypoints."""
    config = condense_dense()
    config.method_name = "condense-sparse"
    return _with_keypoints(config, start=15_000, every=4)


def condense_sparse_tiny(steps: int = 2600) -> TrainerConfig:
    """condense-dense-tiny, whose last quarter also trains keypoints.

    Args:
        steps: of the training.
    """
    config = condense_dense_tiny(steps)
    config.method_name = "condense-sparse-tiny"
    return _with_keypoints(config, start=steps * 3 // 4, every=2)


def _with_keypoints(config: TrainerConfig, start: int, every: int) -> TrainerConfig:
    """The config of condense-dense with keypoints from step `start` on."""
    dense = config.pipeline
    assert isinstance(dense, FeaturePipelineConfig)
    model = CondenseSparseModelConfig(
        **{
            setting.name: getattr(dense.model, setting.name)
            for setting in fields(CondenseDenseModelConfig)
            if setting.name != "_target"
        }
    )
    config.pipeline = SparsePipelineConfig(
        datamanager=dense.datamanager,
        model=model,
        keypoint_start=start,
        keypoint_steps=config.max_num_iterations - start,
        keypoint_every=every,
    )
    config.optimizers["keypoints"] = keypoint_optimizer(start, config.max_num_iterations)
    return config


def keypoint_optimizer(start: int, steps: int) -> dict[str, object]:
    """Of the group `keypoints`, which rests until `start` and then learns at the full rate.

    Args:
        start: step from which keypoints are trained.
        steps: of the training; the rate lands at its end.
    """
    landing = LandingScheduleConfig(warm_up_end=start, learning_rate_alpha=0.05, max_steps=steps)
    return {"optimizer": adam(2e-3), "scheduler": landing}


def proposal_network(max_res: int) -> dict[str, int | bool]:
    """A proposal network of the tiny preset."""
    return {
        "hidden_dim": 16,
        "log2_hashmap_size": 14,
        "num_levels": 5,
        "max_res": max_res,
        "use_linear": False,
    }


def full_optimizers() -> dict[str, dict[str, object]]:
    """Nerfacto's own optimisers and one for the group `features`."""
    slow = ExponentialDecaySchedulerConfig(lr_final=1e-4, max_steps=200_000)
    return {
        "proposal_networks": {"optimizer": adam(1e-2), "scheduler": slow},
        "fields": {"optimizer": adam(1e-2), "scheduler": slow},
        "camera_opt": {
            "optimizer": adam(1e-3),
            "scheduler": ExponentialDecaySchedulerConfig(lr_final=1e-4, max_steps=5000),
        },
        "features": {
            "optimizer": adam(5e-3),
            "scheduler": ExponentialDecaySchedulerConfig(lr_final=2e-4, max_steps=30_000),
        },
    }


def tiny_optimizers(steps: int) -> dict[str, dict[str, object]]:
    """High rates for most of the few steps, and a soft landing."""
    landing = LandingScheduleConfig(warm_up_end=20, learning_rate_alpha=0.05, max_steps=steps)
    groups = ("proposal_networks", "fields", "camera_opt", "features")
    rates = {"camera_opt": 1e-3}
    return {
        group: {"optimizer": adam(rates.get(group, 1e-2)), "scheduler": landing} for group in groups
    }


def adam(rate: float) -> FusedAdamConfig:
    """Nerfacto's Adam."""
    return FusedAdamConfig(lr=rate, eps=1e-15)


SPECIFICATIONS = {
    "condense_dense": MethodSpecification(
        config=condense_dense(),
        description="Feature field distilled from 2D encoders on nerfacto (ConDense, dense); GPU sizes.",
    ),
    "condense_dense_tiny": MethodSpecification(
        config=condense_dense_tiny(),
        description="condense-dense for two CPU cores: minutes to a usable scene.",
    ),
    "condense_sparse": MethodSpecification(
        config=condense_sparse(),
        description="condense-dense and keypoints in 2D and 3D (ConDense, sparse); GPU sizes.",
    ),
    "condense_sparse_tiny": MethodSpecification(
        config=condense_sparse_tiny(),
        description="condense-sparse for two CPU cores: minutes to a usable keypoint set.",
    ),
    "condense_pretrain": MethodSpecification(
        config=condense_pretrain(),
        description="One 2D and one 3D network pre-trained together over many scenes (ConDense, MVNet); GPU sizes.",
    ),
    "condense_pretrain_tiny": MethodSpecification(
        config=condense_pretrain_tiny(), description="condense-pretrain for two CPU cores."
    ),
    "lift3d": MethodSpecification(
        config=lift3d(),
        description="Any 2D model's output made consistent in 3D, on scenes never seen (Lift3D); GPU sizes.",
    ),
    "lift3d_tiny": MethodSpecification(
        config=lift3d_tiny(), description="lift3d for two CPU cores."
    ),
}
