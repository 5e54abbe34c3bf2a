"""`condense export`: what a run can be written as."""

from typing import Annotated

import tyro

from condense_ns.commands.export_backbone import ExportBackbone
from condense_ns.commands.export_keypoints import ExportKeypoints
from condense_ns.commands.export_lift3d import ExportLift3D

Exports = (
    Annotated[ExportKeypoints, tyro.conf.subcommand(name="keypoints")]
    | Annotated[ExportLift3D, tyro.conf.subcommand(name="lift3d")]
    | Annotated[ExportBackbone, tyro.conf.subcommand(name="backbone")]
)
"""One subcommand each; every member has a `main`."""
