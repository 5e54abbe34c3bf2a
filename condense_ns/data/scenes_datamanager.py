"""What nerfstudio's data managers over many scenes share; what an example is, each says for itself.

Nothing of a scene stays in memory but names of files and cameras, and those of a bounded number of
scenes; pictures and features are read when they are needed, those of the next step in a thread. One
scene at a time is *shown*: its images are what the host's viewer and renderer know of.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import torch
import tyro
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.datamanagers.base_datamanager import DataManager
from nerfstudio.data.datamanagers.full_images_datamanager import FullImageDatamanagerConfig
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from torch.nn import Parameter

from condense_ns.data.example_draws import Slots, draw_generator
from condense_ns.data.held_out_examples import HeldOutExamples, SceneExample
from condense_ns.data.host_cameras import host_cameras
from condense_ns.data.open_scenes import OpenScene, OpenScenes
from condense_ns.data.read_ahead import ReadAhead
from condense_ns.data.scene_list import SceneList, read_scene_list
from condense_ns.data.scene_place import ScenePlace
from condense_ns.data.teachers import Teachers
from condense_ns.data.working_images import WorkingImages
from condense_ns.errors import UserError

Batch = dict[str, Any]
Example = TypeVar("Example", bound=SceneExample)
Hidden = tyro.conf.Suppress


@dataclass
class ScenesDataManagerConfig(FullImageDatamanagerConfig):
    """Which scenes, and what of them encoders see.

    `ns-render dataset` accepts configs of this family of nerfstudio's only; what the family has
    beside `data` is of no effect here and hidden.
    """

    _target: type = field(default_factory=lambda: ScenesDataManager)
    image_size: int = 256
    """Longest side in pixels of the images that are rendered and rendered from."""
    examples_per_step: int = 1
    """Examples per step and process."""
    encoders: Hidden[tuple[str, ...]] = ()
    """Specs of the encoders; set by the pipeline."""
    encoder_image_size: int | None = None
    """Longest side in pixels of the images that encoders see; None leaves it to the encoder."""
    feature_store: Path | None = None
    """Folder for feature maps, one folder per scene in it. None keeps them in the user's cache."""
    skip_unreadable_scenes: bool = False
    """Leave out scenes that cannot be read, with a warning, instead of refusing the list."""
    seed: int = 0
    """Of the draws of scenes and views."""
    dataparser: Hidden[Any] = None
    camera_res_scale_factor: Hidden[float] = 1.0
    eval_num_images_to_sample_from: Hidden[int] = -1
    eval_num_times_to_repeat_images: Hidden[int] = -1
    eval_image_indices: Hidden[Any] = None
    cache_images: Hidden[Any] = "cpu"
    cache_images_type: Hidden[Any] = "float32"
    max_thread_workers: Hidden[Any] = None
    train_cameras_sampling_strategy: Hidden[Any] = "random"
    train_cameras_sampling_seed: Hidden[int] = 0
    fps_reset_every: Hidden[int] = 1


class ScenesDataManager(DataManager, Generic[Example]):
    """Examples of many scenes, the same whatever the number of processes that share a step.

    In training (`test_mode` val) evaluation looks at held-out views of the scenes listed as `val`;
    afterwards at those listed as `test`, if there are any.
    """

    config: ScenesDataManagerConfig
    train_dataset: WorkingImages
    eval_dataset: WorkingImages

    def __init__(
        self,
        config: ScenesDataManagerConfig,
        device: torch.device | str = "cpu",
        test_mode: Literal["test", "val", "inference"] = "val",
        world_size: int = 1,
        local_rank: int = 0,
        **kwargs: Any,
    ) -> None:
        self.check(config)
        self.config, self.device, self.test_mode = config, device, test_mode
        self.local_rank = local_rank
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        rank = torch.distributed.get_rank() if distributed else local_rank
        self.world_size = torch.distributed.get_world_size() if distributed else world_size
        self.slots = Slots(rank, self.world_size, config.examples_per_step)
        self.teachers = Teachers(config.encoders, str(device), config.encoder_image_size)
        self.open_scenes = OpenScenes(config.image_size, self.teachers, config.feature_store)
        self.scenes = read_scene_list(Path(config.data or ""), config.skip_unreadable_scenes)
        if test_mode == "val":
            self.scenes = self._readable(self.scenes)
        self._ahead: ReadAhead[list[Example]] = ReadAhead(self._drawn)
        self.show_scene(self.scene_names[0])
        super().__init__()

    @classmethod
    def check(cls, config: ScenesDataManagerConfig) -> None:
        """Refuse settings that cannot be used, before anything is read.

        Raises:
            UserError: there is one.
        """
        if config.data is None:
            raise UserError(
                "no scenes given; name a folder of scenes or a list in YAML with --data"
            )
        refuse_small(config, {"image_size": 16, "examples_per_step": 1, "seed": 0})

    def _readable(self, scenes: SceneList) -> SceneList:
        """The scenes of training and evaluation that can be read.

        Raises:
            UserError: one cannot, and such scenes are not to be left out; or none is left.
        """
        places = list({place.name: place for place in (*scenes.train, *scenes.val)}.values())
        first = self.slots.rank * len(places) // self.slots.world_size
        in_order = places[first:] + places[:first]  # so that ranks share what takes long
        usable = self.open_scenes.readable(in_order, self.config.skip_unreadable_scenes)
        names = {place.name for place in usable}
        train, val = (
            tuple(place for place in listed if place.name in names)
            for listed in (scenes.train, scenes.val)
        )
        if not train:
            raise UserError(f"{self.config.data} has no scene to train on; list some below train")
        return replace(scenes, train=train, val=val)

    @property
    def scene_names(self) -> list[str]:
        """All scenes, the one that is shown first in front: the first for validation or training.

        The same whatever the mode, for `ns-render dataset` takes cameras and pipeline in two modes.
        """
        in_order = (*self.scenes.val, *self.scenes.train, *self.scenes.test)
        return list(dict.fromkeys(place.name for place in in_order))

    def _evaluated(self) -> tuple[ScenePlace, ...]:
        """The scenes whose held-out views are looked at."""
        scenes = self.scenes
        tested = scenes.test if self.test_mode != "val" else ()
        return tested or scenes.val or scenes.train[:1] or scenes.test[:1]

    def show_scene(self, name: str) -> None:
        """Make a scene the one that the host's viewer and renderer know of.

        Raises:
            UserError: there is no such scene, or it cannot be read.
        """
        self.shown: OpenScene = self.opened(name)
        scene = self.shown.scene
        self.train_dataset = WorkingImages(scene, scene.training)
        self.eval_dataset = WorkingImages(scene, scene.held_out)
        self.train_dataparser_outputs: DataparserOutputs = self.train_dataset._dataparser_outputs

    def opened(self, name: str) -> OpenScene:
        """The scene of that name.

        Raises:
            UserError: there is none, or it cannot be read.
        """
        places = {place.name: place for place in self.scenes.all}
        if name not in places:
            raise UserError(f"no scene {name}; choose one of {', '.join(self.scene_names)}")
        return self.open_scenes[places[name]]

    def setup_train(self) -> None:
        """Make sure that encoders can be built and that all features are stored."""
        if self.test_mode != "val":
            return
        for spec in self.config.encoders:
            _ = self.teachers[spec]  # a wrong file is told before anything is extracted
        for place in self.slots.own_scenes(self.scenes.train):
            for spec in self.config.encoders:
                self.open_scenes[place].maps(spec)

    def setup_eval(self) -> None:
        """List the held-out views of the evaluated scenes."""
        self.fixed_indices_eval_dataloader = HeldOutExamples(
            self._evaluated(), self.open_scenes, self.held_out, self.device
        )

    def example(self, opened: OpenScene, generator: np.random.Generator, step: int) -> Example:
        """What a step of training looks at in a scene.

        Args:
            opened: the scene.
            generator: makes every choice.
            step: number of the step.
        """
        raise NotImplementedError

    def held_out(self, opened: OpenScene, view: int) -> Example:
        """A held-out view of a scene as an example."""
        raise NotImplementedError

    def next_train(self, step: int) -> tuple[Cameras, Batch]:
        """Cameras that this rank looks at, and its examples under ``examples``."""
        self.train_count += 1
        examples = [example.to(self.device) for example in self._ahead(step)]
        cameras = host_cameras(*(example.target for example in examples))
        return cameras.to(self.device), {"examples": examples}

    def _drawn(self, step: int) -> list[Example]:
        """This rank's examples of a step."""
        examples = []
        for slot in self.slots.own:
            generator = draw_generator(self.config.seed, step, slot)
            share = self.slots.share(self.scenes.train, slot)
            opened = self.open_scenes[share[int(generator.integers(len(share)))]]
            examples.append(self.example(opened, generator, step))
        return examples

    def next_eval(self, step: int) -> tuple[Cameras, Batch]:
        """As `next_eval_image`."""
        return self.next_eval_image(step)

    def next_eval_image(self, step: int) -> tuple[Cameras, Batch]:
        """The next held-out view.

        Raises:
            UserError: no evaluated scene has held-out views.
        """
        views = self.fixed_indices_eval_dataloader
        if len(views) == 0:
            raise UserError(
                f"no scene of {self.config.data} that is evaluated has held-out views; list one "
                "that has some below val"
            )
        found = views[self.eval_count % len(views)]
        self.eval_count += 1
        return found

    def get_train_rays_per_batch(self) -> int:
        """Pixels of a step's targets, by the size of the shown scene."""
        return self.config.examples_per_step * self.get_eval_rays_per_batch()

    def get_eval_rays_per_batch(self) -> int:
        """Pixels of a target of the shown scene."""
        return self.shown.scene.views.height * self.shown.scene.views.width

    def get_datapath(self) -> Path:
        """The list or folder of scenes."""
        return Path(self.config.data or "")

    def get_param_groups(self) -> dict[str, list[Parameter]]:
        """Nothing here is trained."""
        return {}


def refuse_small(config: ScenesDataManagerConfig, smallest: dict[str, int]) -> None:
    """Refuse settings that are too small.

    Args:
        config: whose settings they are.
        smallest: name of a setting -> its smallest value.

    Raises:
        UserError: one is smaller.
    """
    for name, value in smallest.items():
        if getattr(config, name) < value:
            option = name.replace("_", "-")
            raise UserError(f"{option} is {getattr(config, name)}; it must be {value} or more")
