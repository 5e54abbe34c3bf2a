"""Tests, a package so that they find `tests.scenes` before other packages of that name."""
