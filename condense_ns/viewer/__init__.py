"""Panels of the nerfstudio viewer."""
