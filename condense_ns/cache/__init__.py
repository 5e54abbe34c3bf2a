"""2D feature maps of a scene: encoded once, kept on disk, read per ray."""
