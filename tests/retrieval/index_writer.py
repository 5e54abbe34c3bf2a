"""A process that adds scenes to an index, one after the other, and says when each is in.

python -m tests.retrieval.index_writer <index> <first seed> <count> [<name that others want too>]
"""

import sys

from condense_ns.errors import UserError
from condense_ns.retrieval.scene_index import SceneIndex
from tests.retrieval.made_up_scenes import made_up_scene


def main(place: str, first: int, count: int, shared: str | None = None) -> None:
    scenes = [made_up_scene(seed) for seed in range(first, first + count)]
    if shared is not None:
        scenes.insert(count // 2, made_up_scene(first, name=shared))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()  # begin together
    index = SceneIndex.open_or_create(place, scenes[0])
    for scene in scenes:
        try:
            index.add(scene)
        except UserError as error:
            sys.stdout.write(f"refused: {error}\n")
        else:
            sys.stdout.write(f"added: {scene.name}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:5])
