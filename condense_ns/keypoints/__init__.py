"""Dense to sparse: detections in photographs, points of a scene, and what ties them."""
