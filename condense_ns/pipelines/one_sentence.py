"""A mistake of the user's ends a command with one sentence instead of a traceback."""

import sys
from types import TracebackType

from condense_ns.errors import UserError


def tell_user_errors_in_one_sentence() -> None:
    """Let an uncaught `UserError` print its message alone; all else keeps its traceback.

    The exception itself is not touched, so callers in Python can catch it as usual.
    """
    previous = sys.excepthook
    if getattr(previous, "is_one_sentence", False):
        return

    def hook(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if issubclass(kind, UserError):
            sys.stderr.write(f"error: {error}\n")
        else:
            previous(kind, error, traceback)

    hook.is_one_sentence = True  # type: ignore[attr-defined]
    sys.excepthook = hook
