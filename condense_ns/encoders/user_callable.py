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
        EncoderError: a module that fails when it is imported, a callable that cannot be found or fails,
            or whose source cannot be read.
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
        module = importlib.import_module(module_name)
    except Exception as error:
        is_missing = isinstance(error, ModuleNotFoundError) and _is_within(module_name, error.name)
        reason = (str(error).splitlines() or [""])[0]
        raise EncoderError(
            f"{spec}: {reason}; the module must be importable: put its folder on PYTHONPATH"
            if is_missing
            else f"{spec}: importing {module_name} failed ({type(error).__name__}: {reason}); correct "
            "the module, or install what it needs"
        ) from error
    if not hasattr(module, name):
        raise EncoderError(
            f"{spec}: module {module_name} has no attribute {name!r}; define it there"
        )
    factory = getattr(module, name)
    if not callable(factory):
        raise EncoderError(f"{spec}: {name} is not callable; expected a function without arguments")
    return factory


def _is_within(module_name: str, missing: str | None) -> bool:
    """Whether what is missing is the module or a package that it lies in."""
    return missing is not None and f"{module_name}.".startswith(f"{missing}.")


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
