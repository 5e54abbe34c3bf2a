"""A made-up scene on disk: an ordinary scene of nerfstudio with exact truth beside it.

==========================  ===============================================================
``transforms.json``         cameras; splits by `train_filenames`, `val_filenames`, `test_filenames`
``images/00000.png``        photographs, 8-bit sRGB
``depth/00000.npy``         along the camera's axis, float32 millimetres (nerfstudio's unit)
``classes/00000.png``       class numbers, see `condense_ns.annotations`
``instances/00000.png``     numbers of things, 16 bit
``annotations.json``        names, captions, oriented boxes of the things, the light, the plan
``mesh.ply``                all triangles; colour per corner, class and instance per face
``points.ply``              what the cameras' places see: normal, colour, class, instance
==========================  ===============================================================

Lengths are metres, z is up. Around a thing that is alone (`SceneKind`) depth is 0 and no points are: it
is cut out of the hall that its photographs show. A folder is either whole or absent.
"""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from condense_ns.annotations import CLASSES_FOLDER, FILE_NAME, INSTANCES_FOLDER
from condense_ns.errors import UserError
from condense_ns.export.ply import COLOUR, NORMAL, POSITION, filled, write_ply
from condense_ns.synthetic.photographer import Photograph, Photographer, srgb_bytes
from condense_ns.synthetic.scene import Placed, SyntheticScene
from condense_ns.synthetic.scene_plan import ScenePlan
from condense_ns.synthetic.surface_points import surface_points
from condense_ns.synthetic.surfaces import surfaces
from condense_ns.synthetic.trajectories import SyntheticCamera
from condense_ns.synthetic.vocabulary import CLASS_NAMES

FORMAT = 1
MILLIMETRES = np.float32(1000.0)
LABELS = [("class", "i4"), ("instance", "i4")]


def write_scene(plan: ScenePlan, folder: Path) -> Path:
    """Make the scene of a plan below `folder`; one that is there already stays.

    Returns:
        The scene's folder.

    Raises:
        UserError: something else is in its place, or it cannot be written.
    """
    place = folder / plan.name
    if place.exists():
        _check_same(place, plan)
        return place
    unfinished = folder / f".{plan.name}.unfinished"
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        for name in ("images", "depth", CLASSES_FOLDER, INSTANCES_FOLDER):
            (unfinished / name).mkdir(parents=True)
        _fill(unfinished, plan)
        unfinished.rename(place)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{place} cannot be written ({reason}); choose another") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)  # it is there only if something went wrong
    return place


def _fill(folder: Path, plan: ScenePlan) -> None:
    scene = plan.scene()
    cameras = plan.cameras(scene)
    photographer = Photographer(scene, plan.grained)
    for view, camera in enumerate(cameras):
        photograph = photographer.photograph(camera)
        shown = photograph.instances > scene.scenery
        depth = np.where(shown, photograph.depth, np.float32(0))
        _write_photograph(folder, f"{view:05d}", replace(photograph, depth=depth))
    _write_json(folder / "transforms.json", _transforms(plan, cameras))
    _write_json(folder / FILE_NAME, _annotations(plan, scene))
    _write_mesh(folder / "mesh.ply", scene)
    eyes = np.stack([camera.camera_to_world[:, 3] for camera in cameras])
    shown = replace(scene, placed=scene.placed[scene.scenery :])
    points = surface_points(shown, eyes, plan.points, seed=plan.time)
    labels = np.stack([points.classes, points.instances + scene.scenery], axis=1)
    groups = [(POSITION, points.position), (NORMAL, points.normal)]
    groups += [(COLOUR, points.rgb), (LABELS, labels)]
    write_ply(folder / "points.ply", {"vertex": filled(len(labels), groups)})


def _write_photograph(folder: Path, name: str, photograph: Photograph) -> None:
    for kind, pixels in (
        ("images", photograph.rgb),
        (CLASSES_FOLDER, photograph.classes),
        (INSTANCES_FOLDER, photograph.instances),
    ):
        Image.fromarray(pixels).save(folder / kind / f"{name}.png", compress_level=4)
    np.save(folder / "depth" / f"{name}.npy", photograph.depth * MILLIMETRES)


def _transforms(plan: ScenePlan, cameras: list[SyntheticCamera]) -> dict[str, Any]:
    """The cameras as nerfstudio describes them."""
    frames, splits = [], {"train": [], "held_out": []}
    for view, camera in enumerate(cameras):
        name = f"images/{view:05d}.png"
        splits["held_out" if plan.is_held_out(view) else "train"].append(name)
        pose = np.concatenate([camera.camera_to_world, [[0.0, 0.0, 0.0, 1.0]]])
        depth = f"depth/{view:05d}.npy"
        frames.append(
            {"file_path": name, "depth_file_path": depth, "transform_matrix": pose.tolist()}
        )
    first = cameras[0]
    return {
        "camera_model": "OPENCV",
        "w": first.width,
        "h": first.height,
        "fl_x": first.focal,
        "fl_y": first.focal,
        "cx": first.width / 2,
        "cy": first.height / 2,
        "train_filenames": splits["train"],
        "val_filenames": splits["held_out"],
        "test_filenames": splits["held_out"],
        "frames": frames,
    }


def _annotations(plan: ScenePlan, scene: SyntheticScene) -> dict[str, Any]:
    instances = [
        {
            "class": placed.instance.class_name,
            "caption": placed.instance.caption,
            "colour": placed.instance.colour,
            "pattern": placed.instance.pattern,
            "identity": placed.instance.identity,
            "box": oriented_box(placed),
        }
        for placed in scene.placed
    ]
    return {
        "format": FORMAT,
        "caption": scene.caption,
        "classes": list(CLASS_NAMES),
        "instances": instances,
        "light": asdict(scene.light),
        "room": scene.room,
        "plan": asdict(plan),
    }


def oriented_box(placed: Placed) -> dict[str, Any]:
    """The box around a thing: `centre` and `size` in metres, `turn` about the vertical in radians."""
    low, high = replace(placed, x=0.0, y=0.0, z=0.0, turn=0.0).bounds()
    middle = (low + high) / 2
    sine, cosine = np.sin(placed.turn), np.cos(placed.turn)
    x = placed.x + middle[0] * cosine - middle[1] * sine
    y = placed.y + middle[0] * sine + middle[1] * cosine
    centre = [float(x), float(y), float(placed.z + middle[2])]
    return {"centre": centre, "size": (high - low).tolist(), "turn": float(placed.turn)}


def _write_mesh(path: Path, scene: SyntheticScene) -> None:
    tables = surfaces(scene)
    corners = tables.corners.reshape(-1, 3)
    normals = np.concatenate([placed_normals(placed) for placed in scene.placed])
    part = np.repeat(tables.part, 3)
    colours = tables.colours[part]
    mean = srgb_bytes((colours[:, :3] + 0.5 * colours[:, 3:]).astype(np.float32))
    vertex = filled(len(corners), [(POSITION, corners), (NORMAL, normals), (COLOUR, mean)])
    face = np.empty(len(tables.part), dtype=[("vertex_indices", "i4", (3,)), *LABELS])
    face["vertex_indices"] = np.arange(len(corners)).reshape(-1, 3)
    face["class"] = tables.class_id[tables.part]
    face["instance"] = tables.instance[tables.part]
    write_ply(path, {"vertex": vertex, "face": face})


def placed_normals(placed: Placed) -> np.ndarray:
    """Normals at all corners of a thing's triangles, in the room."""
    return np.concatenate([solid.normals.reshape(-1, 3) for solid in placed.solids()])


def _check_same(place: Path, plan: ScenePlan) -> None:
    try:
        content = json.loads((place / FILE_NAME).read_text(encoding="utf-8"))
        known = (content["format"], ScenePlan(**content["plan"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{place} is in the way and is no made-up scene; move it away") from error
    if known != (FORMAT, plan):
        raise UserError(f"{place} was made with other options; move it away or use another folder")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
