"""Points, depth images or a density -> the occupied voxels of a scene, pure functions."""
