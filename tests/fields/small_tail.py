"""The last blocks of a small encoder."""

from condense_ns.tensors import TailShape

SHAPE = TailShape(
    blocks=2,
    width=8,
    heads=2,
    hidden=12,
    channels=8,
    prefix=1,
    epsilon=1e-6,
    activation="gelu",
    scaled=True,
    own_values=False,
)
