"""Reports as users make them."""

import jaxtyping
import pytest


@pytest.fixture
def without_shape_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Users have no checker of annotations: what they pass reaches the class's own checks."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
