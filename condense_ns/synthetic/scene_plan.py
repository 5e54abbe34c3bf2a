"""What is made of a seed: which scene, how often it is met, and how it is photographed."""

from dataclasses import dataclass, replace

from condense_ns.synthetic.hard_negative import dressed_as
from condense_ns.synthetic.near_duplicate import met_again
from condense_ns.synthetic.procedural_scene import SceneKind, make_scene
from condense_ns.synthetic.scene import SyntheticScene
from condense_ns.synthetic.trajectories import SyntheticCamera, TrajectoryKind, trajectory


@dataclass(frozen=True)
class ScenePlan:
    """One scene folder; equal plans give equal bytes."""

    seed: int
    """Scenes of different seeds share no thing."""
    kind: SceneKind
    """`room`, `tabletop` or `thing`."""
    time: int = 0
    """0 for the scene itself; from 1, the scene met again in another light with one thing moved."""
    views: int = 54
    """Photographs."""
    held_out_every: int = 9
    """Every so-manieth view is kept for evaluation, beginning with the middle of the first ones."""
    width: int = 256
    """Pixels."""
    height: int = 192
    """Pixels."""
    trajectory: TrajectoryKind = "orbit"
    """How the camera moves."""
    points: int = 50_000
    """Points of the labelled cloud."""
    grained: bool = False
    """Whether all surfaces have fine patterns; see `condense_ns.synthetic.grain`."""
    dressed_as: int | None = None
    """Seed of a scene of the same kind whose floor, walls, ceiling and rug this one has."""

    @property
    def name(self) -> str:
        """Name of the folder."""
        again = f"_again{self.time}" if self.time else ""
        grain = "_grained" if self.grained else ""
        dress = "" if self.dressed_as is None else f"_as{self.dressed_as:06d}"
        return f"{self.kind}_{self.seed:06d}{dress}{again}{grain}"

    def scene(self) -> SyntheticScene:
        """What is photographed."""
        scene = make_scene(self.seed, self.kind)
        if self.dressed_as is not None:
            scene = dressed_as(scene, make_scene(self.dressed_as, self.kind))
        return met_again(scene, self.time) if self.time else scene

    def cameras(self, scene: SyntheticScene) -> list[SyntheticCamera]:
        """From where."""
        return trajectory(
            scene, self.trajectory, self.views, self.width, self.height, seed=self.time
        )

    def is_held_out(self, view: int) -> bool:
        """Whether a view is for evaluation only."""
        return view % self.held_out_every == self.held_out_every // 2

    def again(self, times: int) -> list["ScenePlan"]:
        """The same scene, met so many times more."""
        return [replace(self, time=time) for time in range(1, times + 1)]
