"""Which data sets there are: `synthetic`, or `<name>:<folder>` with options as in a web address.

For example ``modelnet10_voxels:points/modelnet10_voxels`` or ``s3dis:Stanford3dDataset?area=5``.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl

from condense_ns.downstream import (
    made_up_sets,
    modelnet10_voxels,
    modelnet40_hdf5,
    modelnet40_off,
    s3dis,
    scannet,
    scanobjectnn,
    shapenet_part,
    sunrgbd,
)
from condense_ns.downstream.labelled_cloud import TaskData, TaskName
from condense_ns.downstream.made_up_sets import MadeUpSizes, made_up_data
from condense_ns.downstream.modelnet10_voxels import read_modelnet10_voxels
from condense_ns.downstream.modelnet40_hdf5 import read_modelnet40
from condense_ns.downstream.modelnet40_off import read_modelnet40_off
from condense_ns.downstream.s3dis import read_s3dis
from condense_ns.downstream.scannet import read_scannet
from condense_ns.downstream.scanobjectnn import read_scanobjectnn
from condense_ns.downstream.shapenet_part import read_shapenet_part
from condense_ns.downstream.sunrgbd import read_sunrgbd
from condense_ns.downstream.task_run import CHECKPOINT, ROW
from condense_ns.errors import UserError

Options = dict[str, str]


@dataclass(frozen=True)
class DataSet:
    """Files of others."""

    tasks: tuple[TaskName, ...]
    """What it can be used for."""
    where: str
    """Where to get it."""
    read: Callable[[Path, TaskName, Options], TaskData]
    """From its folder, for a task; takes what it knows out of the options."""


DATA_SETS: dict[str, DataSet] = {
    modelnet10_voxels.NAME: DataSet(
        ("classify",),
        modelnet10_voxels.WHERE,
        lambda folder, task, options: read_modelnet10_voxels(folder),
    ),
    modelnet40_hdf5.NAME: DataSet(
        ("classify",),
        modelnet40_hdf5.WHERE,
        lambda folder, task, options: read_modelnet40(folder),
    ),
    modelnet40_off.NAME: DataSet(
        ("classify",),
        modelnet40_off.WHERE,
        lambda folder, task, options: read_modelnet40_off(folder),
    ),
    scanobjectnn.NAME: DataSet(
        ("classify",),
        scanobjectnn.WHERE,
        lambda folder, task, options: read_scanobjectnn(
            folder, options.pop("variant", scanobjectnn.USUAL_VARIANT)
        ),
    ),
    shapenet_part.NAME: DataSet(
        ("parts",),
        shapenet_part.WHERE,
        lambda folder, task, options: read_shapenet_part(folder),
    ),
    s3dis.NAME: DataSet(
        ("segment",),
        s3dis.WHERE,
        lambda folder, task, options: read_s3dis(folder, options.pop("area", s3dis.USUAL_AREA)),
    ),
    scannet.NAME: DataSet(
        ("segment", "detect"),
        scannet.WHERE,
        lambda folder, task, options: read_scannet(folder, task),
    ),
    sunrgbd.NAME: DataSet(
        ("detect",), sunrgbd.WHERE, lambda folder, task, options: read_sunrgbd(folder)
    ),
}
_SIZES = ("train_things", "test_things", "thing_points", "train_rooms", "test_rooms", "room_points")


def task_data(spec: str, task: TaskName) -> TaskData:
    """The data set of a specification, for a task.

    Raises:
        UserError: there is no such data set, folder or option, or it is not for this task.
    """
    name, _, rest = spec.partition(":")
    name, _, own_query = name.partition("?")
    folder, _, query = rest.partition("?")
    options = dict(parse_qsl(own_query or query, keep_blank_values=True))
    if name == made_up_sets.NAME:
        data = made_up_data(task, _sizes(options))
    else:
        data = _read(name, Path(folder).expanduser(), task, options)
    if options:
        raise UserError(f"--data {spec}: {name} has no option {next(iter(options))}; leave it out")
    return data


def _read(name: str, folder: Path, task: TaskName, options: Options) -> TaskData:
    known = DATA_SETS.get(name)
    if known is None:
        names = ", ".join([made_up_sets.NAME, *(f"{other}:<folder>" for other in DATA_SETS)])
        raise UserError(f"there is no data set {name!r}; use one of {names}")
    if task not in known.tasks:
        raise UserError(
            f"{name} is for --task {' or '.join(known.tasks)}, not {task}; choose another"
        )
    if not folder.name or not folder.is_dir():
        raise UserError(
            f"{folder or 'nothing'} is no folder with {name}; {known.where}, and give --data "
            f"{name}:<folder>"
        )
    return replace(known.read(folder, task, options), source=_source(folder))


def _source(folder: Path) -> str:
    """The folder, and names, sizes and times of all files below it, which say whether it has changed."""
    content = hashlib.sha256()
    for line in sorted(_states(folder, "", set())):
        content.update(line.encode("utf-8", "surrogateescape"))
    return f"{folder.resolve()} {content.hexdigest()[:16]}"


def _states(folder: Path, below: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    """A line for each file in a folder; links are followed, hidden files and runs of ours left out.

    Args:
        folder: where to look.
        below: its name in the data set.
        seen: folders before, by device and inode; the folder is added.
    """
    with os.scandir(folder) as found:
        entries = [entry for entry in found if not entry.name.startswith(".")]
    if {ROW, CHECKPOINT} & {entry.name for entry in entries}:
        return
    status = folder.stat()
    seen.add((status.st_dev, status.st_ino))
    for entry in entries:
        name = f"{below}/{entry.name}"
        if entry.is_file():
            status = entry.stat()
            yield f"{name} {status.st_size} {status.st_mtime_ns}\n"
        elif entry.is_dir():
            status = entry.stat()
            if (status.st_dev, status.st_ino) not in seen:
                yield from _states(Path(entry.path), name, seen)


def _sizes(options: Options) -> MadeUpSizes:
    """How much is made up.

    Raises:
        UserError: no number, or none above zero.
    """
    given: dict[str, int] = {}
    for name in _SIZES:
        text = options.pop(name, None)
        if text is None:
            continue
        if not text.isdecimal() or int(text) < 1:
            raise UserError(f"{name} of the synthetic set is {text!r}; give a number of 1 or more")
        given[name] = int(text)
    return MadeUpSizes(**given)
