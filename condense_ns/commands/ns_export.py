"""`ns-export keypoints`, although nerfstudio lets nobody add to `ns-export`.

While our plugin loads, the module behind `ns-export` is only half executed, and whatever is put into
its `Commands` is overwritten later. So the module is given a class that answers the question for its
`entrypoint`, which comes when it is complete.
"""

import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Annotated, Any, get_args

EXPORTER = "nerfstudio.scripts.exporter"


class ExporterWithKeypoints(ModuleType):
    """The module behind `ns-export`."""

    @property
    def entrypoint(self) -> Callable[[], None]:
        """The host's own, once its commands know `keypoints`."""
        contents = vars(self)
        if "entrypoint" not in contents:
            raise AttributeError(f"module {EXPORTER!r} has no attribute 'entrypoint'")
        try:
            _add_keypoints(contents)
        except Exception as error:  # the host's exports must survive anything that happens here
            warnings.warn(
                f"condense_ns could not add keypoints to ns-export: {type(error).__name__}: {error}",
                stacklevel=2,
            )
        return contents["entrypoint"]


def offer_keypoints_in_ns_export() -> None:
    """Add the subcommand, if it is `ns-export` that is starting."""
    exporter = sys.modules.get(EXPORTER)
    if exporter is not None:
        exporter.__class__ = ExporterWithKeypoints


def _add_keypoints(contents: dict[str, Any]) -> None:
    """Put our command behind the host's in `Commands`, once."""
    import tyro

    from condense_ns.commands.export_keypoints import ExportKeypoints
    from condense_ns.pipelines.one_sentence import tell_user_errors_in_one_sentence

    stock, *markers = get_args(contents["Commands"])
    if any(ExportKeypoints in get_args(command) for command in get_args(stock)):
        return
    keypoints = Annotated[ExportKeypoints, tyro.conf.subcommand(name="keypoints")]
    contents["Commands"] = Annotated[(stock | keypoints, *markers)]
    tell_user_errors_in_one_sentence()
