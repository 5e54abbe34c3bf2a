"""Another scene in the same clothes: what a photograph of one is easily taken for.

Floor, walls, ceiling and rug look as those of a scene of another seed; everything in the room, its size, its
light and the cameras are its own.
"""

from dataclasses import replace

from condense_ns.synthetic.catalogue import CATALOGUE
from condense_ns.synthetic.scene import Placed, SyntheticScene


def dressed_as(scene: SyntheticScene, other: SyntheticScene) -> SyntheticScene:
    """The scene with the other one's materials on what is no thing; what the other lacks stays.

    Args:
        scene: whose things and places remain.
        other: whose floor, walls, ceiling and rug are looked at.
    """
    looks = {placed.instance.class_name: placed for placed in other.placed if not _is_thing(placed)}
    placed = tuple(
        one if _is_thing(one) else _covered(one, looks.get(one.instance.class_name))
        for one in scene.placed
    )
    return replace(scene, placed=placed)


def _is_thing(placed: Placed) -> bool:
    return placed.instance.class_name in CATALOGUE


def _covered(placed: Placed, like: Placed | None) -> Placed:
    if like is None:
        return placed
    material = like.parts[0].material
    instance = replace(placed.instance, colour=like.instance.colour, pattern=like.instance.pattern)
    parts = tuple(replace(part, material=material) for part in placed.parts)
    return replace(placed, instance=instance, parts=parts)
