"""Values at samples -> pixels, pure functions."""
