"""``wsgi.errors``: what an application writes there becomes records of the error log (PEP 3333)."""

import io
import logging
import re
import sys
import threading
from typing import Final

#: What is written is logged here, a line a record, at level ERROR.
logger = logging.getLogger("hybrid.wsgi.errors")

#: Characters of a line that are kept until its end comes; a longer one is logged in pieces.
_LINE_LIMIT: Final = 8192
#: What could end a line in the log, move the cursor of a terminal, or not be encoded.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class ErrorStream(io.TextIOBase):
    """A text stream whose complete lines become log records; any thread.

    All requests share one. Each thread has a line of its own, so that two that write at once do not mix
    halves of lines. Control characters are escaped: a client that has them logged writes no line of its own
    making.

    Attributes:
        incomplete: by thread, what has come of a line whose end has not; :meth:`flush` logs the caller's. The
            system gives the numbers of threads again, so there are no more than there were threads at once.
    """

    encoding = "utf-8"

    def __init__(self) -> None:
        super().__init__()
        self.incomplete: dict[int, str] = {}
        self._logging: set[int] = set()

    def __repr__(self) -> str:
        return f"<ErrorStream to the logger {logger.name!r}>"

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, text: str, /) -> int:
        """Log the lines that this completes, and keep the rest until its end comes, or :meth:`flush`."""
        if not isinstance(text, str):
            raise TypeError(f"wsgi.errors takes str, not {type(text).__name__}")
        thread = threading.get_ident()
        *lines, rest = (self.incomplete.pop(thread, "") + text).split("\n")
        for line in lines:
            self._log(line)
        while len(rest) > _LINE_LIMIT:
            self._log(rest[:_LINE_LIMIT])
            rest = rest[_LINE_LIMIT:]
        if rest:
            self.incomplete[thread] = rest
        return len(text)

    def flush(self) -> None:
        """Log what this thread has written of a line, complete or not."""
        line = self.incomplete.pop(threading.get_ident(), "")
        if line:
            self._log(line)

    def close(self) -> None:
        """Flush, and stay open: PEP 3333 forbids to close it, and the next request has the same one."""
        self.flush()

    def __del__(self) -> None:
        """Keep :class:`io.TextIOBase` from closing this at the end of the process, when modules are empty."""

    def _log(self, line: str) -> None:
        line = _CONTROL.sub(_escape, line.removesuffix("\r"))
        thread = threading.get_ident()
        if thread in self._logging:  # a handler of the log writes here: nothing but stderr is left for it
            if sys.__stderr__ is not None:
                sys.__stderr__.write(f"{line}\n")
            return
        self._logging.add(thread)
        try:
            logger.error("%s", line)
        finally:
            self._logging.discard(thread)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


#: The stream of all applications in this process.
ERRORS: Final = ErrorStream()
