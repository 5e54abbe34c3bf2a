"""What a callable of the user's own makes: ``torch:<module>:<callable>``."""

import contextlib
import importlib
import inspect
import sys
from collections.abc import Callable
from typing import Any

from condense_ns.encoders.base import EncoderError


def made_by_callable(spec: str) -> tuple[Any, str]:
    """What the callable returns, called without arguments, and the code that makes it.

    Args:
        spec: ``torch:<module>:<callable>``; the module must be importable, so its folder must be on
            PYTHONPATH.

    Returns:
        The object; and, for fingerprints, the source of the spec's module and of those in which the
        callable and the object's class are defined.

    Raises:
        EncoderError: a callable that cannot be found or fails, or whose source cannot be read.
    """
    factory = _factory(spec)
    try:
        made: Any = factory()
    except Exception as error:
        raise EncoderError(f"{spec}: calling it failed ({error}); it takes no arguments") from error
    return made, _sources(spec, factory, made)


def _factory(spec: str) -> Callable[[], Any]:
    """The callable that a spec names."""
    module_name, _, name = spec.removeprefix("torch:").partition(":")
    if not module_name or not name:
        raise EncoderError(f"{spec}: expected torch:<module>:<callable>")
    try:
        factory = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise EncoderError(
            f"{spec}: {error}; the module must be importable (put its folder on PYTHONPATH) and "
            f"define {name}"
        ) from error
    if not callable(factory):
        raise EncoderError(f"{spec}: {name} is not callable; expected a function without arguments")
    return factory


def _sources(spec: str, factory: Callable[[], Any], made: Any) -> str:
    """The source of the modules of the spec, of the callable and of the object's class.

    Of whole modules, since what a callable or a class uses usually lies beside it.
    """
    named = sys.modules[spec.split(":")[1]]
    try:
        texts = {named: inspect.getsource(named)}
    except (OSError, TypeError) as error:
        raise EncoderError(
            f"{spec}: its source cannot be read, so changes of it would go unnoticed; "
            "name a callable in a Python file"
        ) from error
    for other in (inspect.getmodule(factory), inspect.getmodule(type(made))):
        with contextlib.suppress(OSError, TypeError):
            if other is not None:
                texts[other] = inspect.getsource(other)
    return "".join(texts.values())
