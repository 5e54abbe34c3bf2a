"""Slow work beside the viewer's own threads, one piece at a time."""

import logging
import threading
from collections.abc import Callable

from condense_ns.errors import UserError

LOGGER = logging.getLogger(__name__)


class OneJob:
    """Runs a job in a thread of its own and tells how it went.

    Args:
        tell: shows a sentence to the user.
        tell_error: the same for a sentence about something that went wrong.
    """

    def __init__(self, tell: Callable[[str], None], tell_error: Callable[[str], None]) -> None:
        self._tell = tell
        self._tell_error = tell_error
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._doing = ""

    def start(self, doing: str, job: Callable[[], str]) -> None:
        """Begin, or tell that another job is still running.

        Args:
            doing: what the job does, to be read after "busy with".
            job: the work; what it returns is told at the end, what it raises as well.
        """
        with self._starting:
            if self.busy():
                return
            self._doing = doing
            self._tell(f"{doing} ...")
            self._thread = threading.Thread(target=self._run, args=(doing, job), daemon=True)
            self._thread.start()

    def busy(self) -> bool:
        """Whether a job is running; if so, the user is told."""
        running = self._thread is not None and self._thread.is_alive()
        if running:
            self._tell_error(f"busy with {self._doing}; press again when that is done")
        return running

    def wait(self, seconds: float) -> bool:
        """Whether the job, if any, has ended within that time."""
        if self._thread is not None:
            self._thread.join(seconds)
            return not self._thread.is_alive()
        return True

    def _run(self, doing: str, job: Callable[[], str]) -> None:
        try:
            self._tell(job())
        except UserError as error:
            self._tell_error(str(error))
        except Exception as error:
            LOGGER.exception("%s failed", doing)
            self._tell_error(
                f"{doing} failed ({type(error).__name__}: {error}); the terminal shows where"
            )
