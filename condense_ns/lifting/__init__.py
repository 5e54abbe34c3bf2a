"""lift3d without nerfstudio: the network, its training, whole views from it."""
