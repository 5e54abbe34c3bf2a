"""nerfstudio models."""
