"""The list of a folder of scenes, split into those for training and those for testing."""

from collections.abc import Sequence
from pathlib import Path

from condense_ns.synthetic.scene_plan import ScenePlan
from condense_ns.whole_files import write_text

FILE_NAME = "scenes.yaml"


def write_scene_list(folder: Path, plans: Sequence[ScenePlan], test_share: float) -> Path:
    """Write `scenes.yaml` with the lists `train` and `test` of folder names.

    A scene and those in which it is met again are on the same side; the last seeds are for testing.

    Args:
        folder: where the scenes are.
        plans: of the scenes.
        test_share: of the seeds, in [0, 1].

    Returns:
        The file.

    Raises:
        UserError: the file cannot be written.
    """
    seeds = sorted({plan.seed for plan in plans})
    test_seeds = set(seeds[len(seeds) - round(test_share * len(seeds)) :])
    lines = []
    for split, is_test in (("train", False), ("test", True)):
        names = [plan.name for plan in plans if (plan.seed in test_seeds) == is_test]
        lines += [f"{split}:", *(f"  - {name}" for name in names)] if names else [f"{split}: []"]
    path = folder / FILE_NAME
    write_text(path, "\n".join(lines) + "\n")
    return path
