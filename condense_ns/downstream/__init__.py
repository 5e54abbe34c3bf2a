"""Tasks by which a 3D backbone is judged: classification, parts, segmentation, detection."""
