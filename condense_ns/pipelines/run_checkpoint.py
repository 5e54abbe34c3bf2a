"""A run's newest checkpoint: beside its config.yml, wherever that lies by now."""

import zipfile
from pathlib import Path

from condense_ns.errors import UserError


def newest_checkpoint(load_config: Path) -> Path:
    """The checkpoint of a run that was saved last.

    Args:
        load_config: the run's config.yml; the folder nerfstudio_models/ lies beside it.

    Raises:
        UserError: there is none, or it was not written to its end.
    """
    folder = load_config.parent / "nerfstudio_models"
    files = sorted(folder.glob("step-[0-9]*.ckpt"))
    if not files:
        raise UserError(
            f"{load_config.parent} has no checkpoint in nerfstudio_models/; let ns-train finish first, or "
            "copy that folder to where config.yml is"
        )
    if not zipfile.is_zipfile(files[-1]):
        older = ", so that the one before it is taken" if len(files) > 1 else " and train again"
        raise UserError(f"{files[-1]} is damaged; restore it, or delete it{older}")
    return files[-1]
