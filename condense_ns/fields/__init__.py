"""Learned functions of positions."""
