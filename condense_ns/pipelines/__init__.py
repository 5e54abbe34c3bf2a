"""Where models, data and panels meet."""
