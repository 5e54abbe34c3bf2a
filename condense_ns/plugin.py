"""What the entry points name. Importing it is cheap, and nothing here can raise.

nerfstudio loads every plugin at the start of every command without a try: an exception here would
end `ns-train nerfacto` too. So the methods are imported when they are asked for, and a failure becomes
a warning and a value that the host reports and skips.
"""

import warnings
from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        from condense_ns import methods

        return methods.SPECIFICATIONS[name]
    except Exception as error:
        warnings.warn(f"condense_ns is switched off: {type(error).__name__}: {error}", stacklevel=2)
        return None


try:
    from condense_ns.pipelines.numpy_scalars import allow_numpy_scalars_in_checkpoints

    allow_numpy_scalars_in_checkpoints()
except Exception as error:  # other commands of the host must survive anything that happens here
    warnings.warn(f"condense_ns could not prepare torch.load: {error}", stacklevel=1)

try:
    from condense_ns.commands.ns_export import offer_keypoints_in_ns_export

    offer_keypoints_in_ns_export()
except Exception as error:
    warnings.warn(f"condense_ns could not extend ns-export: {error}", stacklevel=1)
