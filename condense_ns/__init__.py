"""2D foundation models in 3D, as ordinary nerfstudio methods.

The packages in the order in which data flows through them::

    geometry    pixels, cells and cameras
    encoders    image -> 2D feature map (frozen networks)
    cache       feature maps of a scene on disk, memory-mapped
    fields      position -> latent feature
    rendering   latent features of samples -> feature of a ray, PCA colours
    losses      rendered feature against 2D feature
    metrics     numbers for the tables
    retrieval   queries (text, crop, point) against features
    export      scene -> files
    models, data, viewer, pipelines, methods, benchmarks, commands, plugin: the nerfstudio shell
"""

__version__ = "0.1.0"
