"""A scene as files that other programs open."""
