"""Questions to a scene and their answers."""
