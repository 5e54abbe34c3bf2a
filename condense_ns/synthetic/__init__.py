"""Made-up scenes with exact truth: colour, depth, class and instance of every pixel."""
