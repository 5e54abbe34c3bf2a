"""Which parts the things of a class may have; a thing of a class need not have all of them."""

PART_NAMES: dict[str, tuple[str, ...]] = {
    "chair": ("seat", "back", "leg", "arm"),
    "stool": ("seat", "leg", "foot"),
    "table": ("top", "leg"),
    "sofa": ("base", "seat", "back", "arm", "leg"),
    "bed": ("frame", "mattress", "head board", "blanket"),
    "shelf": ("side", "board", "back"),
    "cabinet": ("body", "plinth", "front", "knob"),
    "lamp": ("shade", "pole", "foot"),
    "plant": ("pot", "leaf"),
    "picture": ("frame", "painting"),
    "clock": ("face", "hand"),
    "monitor": ("frame", "screen", "foot"),
    "pillow": ("body",),
    "book": ("cover", "pages"),
    "vase": ("body",),
    "mug": ("body", "handle"),
    "bowl": ("body",),
    "bottle": ("body", "cap"),
    "teapot": ("body", "spout", "handle", "lid"),
    "candle": ("body", "dish", "wick"),
    "ball": ("body",),
}
"""By class."""
