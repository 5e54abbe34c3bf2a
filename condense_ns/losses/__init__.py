"""Rendered features against targets, pure functions."""
