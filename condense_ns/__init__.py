"""2D foundation models in 3D, as ordinary nerfstudio methods.

The packages in the order in which data flows through them::

    geometry    pixels, cells and cameras
    encoders    image -> 2D feature map (frozen networks)
    volumes     points, depth images or a density -> occupied voxels
    cache       feature maps of a scene on disk, memory-mapped
    fields      position -> latent feature
    rendering   latent features of samples -> feature of a ray, PCA colours
    losses      rendered feature against 2D feature
    metrics     numbers for the tables
    retrieval   queries (text, crop, point) against features
    export      scene -> files
    downstream  latents of the 3D backbone -> classes, parts, boxes, and how right they are
    report      results -> a page, a JSON file
    models, data, viewer, pipelines, methods, benchmarks, commands, plugin: the nerfstudio shell

and what they are tried on where nothing else is at hand::

    synthetic      seed -> made-up scene with exact truth
    mini_training  made-up scenes -> the encoder `mini`
    demo           seed -> scene, run, figures, page
"""

__version__ = "0.1.0"
