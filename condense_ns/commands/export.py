"""`condense export`: what a run can be written as."""

from typing import Annotated

import tyro

from condense_ns.commands.export_keypoints import ExportKeypoints

Exports = (
    Annotated[ExportKeypoints, tyro.conf.subcommand(name="keypoints")]
    | Annotated[ExportKeypoints, tyro.conf.Suppress]  # tyro drops the name of a single member
)
"""One subcommand each; every member has a `main`."""
