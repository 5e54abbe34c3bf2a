"""Numbers for the tables, pure functions (definitions in their docstrings)."""
