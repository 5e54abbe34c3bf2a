"""Features for a scene that somebody has trained already: the geometry of another run.

Two steps around the building of the model: `adopt_settings` before it, so that grids and networks
get the sizes of that run, and `adopt_weights` after it.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
import yaml
from nerfstudio.configs.base_config import InstantiateConfig
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from nerfstudio.engine.trainer import TrainerConfig
from nerfstudio.models.nerfacto import NerfactoModelConfig

from condense_ns.errors import UserError
from condense_ns.models.condense_dense import CondenseDenseModel, CondenseDenseModelConfig
from condense_ns.pipelines.distributed_model import MODEL, without_wrapper
from condense_ns.pipelines.run_checkpoint import newest_checkpoint
from condense_ns.report.json_file import read_json

NOT_GEOMETRY = {"_target", "camera_optimizer", "eval_num_rays_per_chunk"}
GEOMETRY_PARTS = ("field", "proposal_networks")


def adopt_settings(ours: CondenseDenseModelConfig, run_config: Path) -> None:
    """Give our model the sizes of the nerfacto (or descendant) run of that config file.

    Raises:
        UserError: no such file, or not a nerfacto run.
    """
    theirs = read_run(run_config).pipeline.model
    if not isinstance(theirs, NerfactoModelConfig):
        raise UserError(
            f"{run_config} is a run of {type(theirs).__name__}: geometry can be taken over from "
            "nerfacto and its descendants only"
        )
    for setting in fields(NerfactoModelConfig):
        if setting.name not in NOT_GEOMETRY:
            setattr(ours, setting.name, getattr(theirs, setting.name))
    ours.camera_optimizer.mode = "off"


def adopt_weights(model: CondenseDenseModel, run_config: Path, outputs: DataparserOutputs) -> None:
    """Load densities and colours of that run into our model and freeze them.

    Raises:
        UserError: the run saw another scene or split, or has no checkpoint.
    """
    _check_same_scene(run_config, outputs)
    saved = torch.load(newest_checkpoint(run_config), map_location="cpu", weights_only=True)
    state = without_wrapper(saved["pipeline"])
    for part in GEOMETRY_PARTS:
        prefix = f"{MODEL}{part}."
        taken = {
            key.removeprefix(prefix): value
            for key, value in state.items()
            if key.startswith(prefix)
        }
        try:
            getattr(model, part).load_state_dict(taken)
        except RuntimeError as error:
            raise UserError(
                f"the checkpoint of {run_config} does not fit this scene's {part}: train both on the "
                f"same images and split ({str(error).splitlines()[-1].strip()})"
            ) from error
    model.freeze_geometry()


def read_run(run_config: Path) -> TrainerConfig:
    """A saved run's config.

    Raises:
        UserError: no such file, or something else in it.
    """
    if not run_config.is_file():
        raise UserError(f"no run at {run_config}: give the config.yml that ns-train has written")
    try:
        # nerfstudio's own format, which names Python classes; trust it as you trust ns-viewer with it
        config: Any = yaml.load(run_config.read_text(), Loader=yaml.Loader)  # noqa: S506
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{run_config} cannot be read ({reason}); give the config.yml that ns-train has written, with "
            "what was installed then"
        ) from error
    if not isinstance(config, InstantiateConfig) or not hasattr(config, "pipeline"):
        raise UserError(f"{run_config} is not a config.yml of ns-train")
    return config  # type: ignore[return-value]


def _check_same_scene(run_config: Path, outputs: DataparserOutputs) -> None:
    file = run_config.parent / "dataparser_transforms.json"
    if not file.exists():
        return
    remedy = "restore it, or delete it if you know that the scene is the same"
    known = read_json(file, remedy, ("transform", "scale"))
    same = torch.allclose(torch.tensor(known["transform"]), outputs.dataparser_transform, atol=1e-4)
    if not same or abs(known["scale"] - outputs.dataparser_scale) > 1e-4 * outputs.dataparser_scale:
        raise UserError(
            f"{run_config} was trained on another scene or with other data parser settings: give the "
            "run of this very scene to --pipeline.model.geometry-from"
        )
