"""Cameras and pixels, pure functions."""
