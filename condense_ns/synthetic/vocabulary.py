"""The words in which made-up scenes are described. The place of a class in the list is its number."""

CLASS_NAMES = (
    "nothing",
    "floor",
    "wall",
    "ceiling",
    "rug",
    "chair",
    "stool",
    "table",
    "sofa",
    "bed",
    "shelf",
    "cabinet",
    "lamp",
    "plant",
    "picture",
    "clock",
    "monitor",
    "pillow",
    "book",
    "vase",
    "mug",
    "bowl",
    "bottle",
    "teapot",
    "candle",
    "ball",
)
"""Number 0 is a pixel that sees no surface."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "floor": ("ground", "floorboards"),
    "rug": ("carpet", "mat"),
    "chair": ("seat",),
    "stool": ("bar stool",),
    "table": ("desk",),
    "sofa": ("couch", "settee"),
    "shelf": ("bookcase", "shelves"),
    "cabinet": ("cupboard", "chest of drawers"),
    "lamp": ("floor lamp", "light"),
    "plant": ("potted plant", "houseplant"),
    "picture": ("painting", "poster"),
    "clock": ("wall clock",),
    "monitor": ("screen", "television"),
    "pillow": ("cushion",),
    "vase": ("urn",),
    "mug": ("cup",),
    "bowl": ("dish",),
    "bottle": ("flask",),
    "teapot": ("kettle",),
    "ball": ("globe",),
}
"""Other words for a class."""

COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.75, 0.10, 0.10),
    "orange": (0.90, 0.45, 0.10),
    "yellow": (0.90, 0.78, 0.15),
    "green": (0.15, 0.55, 0.20),
    "turquoise": (0.15, 0.65, 0.65),
    "blue": (0.12, 0.25, 0.72),
    "purple": (0.45, 0.18, 0.60),
    "pink": (0.92, 0.50, 0.65),
    "brown": (0.42, 0.25, 0.13),
    "beige": (0.80, 0.70, 0.55),
    "white": (0.88, 0.88, 0.86),
    "grey": (0.48, 0.48, 0.50),
    "black": (0.08, 0.08, 0.09),
}
"""Colours by name, linear RGB in [0, 1]."""

PATTERNS = ("plain", "striped", "checkered", "spotted", "wooden", "marbled", "woven")
"""What a surface is covered with; `materials.py` draws them."""


def class_number(name: str) -> int:
    """The number of a class in the maps.

    Raises:
        ValueError: there is no such class.
    """
    if name not in CLASS_NAMES:
        raise ValueError(f"{name!r} is no class; there are {', '.join(CLASS_NAMES)}")
    return CLASS_NAMES.index(name)
