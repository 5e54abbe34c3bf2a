"""nerfstudio data managers with a feature target per ray."""
