"""Noticing the end of a response on the wsgi lane, which is that its ``close()`` was called (PEP 3333)."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hybrid.bridge.wsgi.filewrapper import FileWrapper

_Call = Callable[[], object]


def ended_by_close(parts: Iterable[bytes], then: _Call) -> Iterable[bytes]:
    """Return the parts of a response, or what stands for them, with a ``close()`` that calls something
    afterwards; without one it is called now (worker).
    """
    closed: Any = parts.filelike if isinstance(parts, FileWrapper) else parts
    close: _Call | None = getattr(closed, "close", None)
    if close is None:
        then()
        return parts
    try:
        closed.close = _Close(closed, close, then)
    except AttributeError:  # a generator, say; a file is as it was, and its end not noticed
        return _Parts(parts, close, then) if closed is parts else parts
    return parts


class _Close:
    """A ``close()`` in the place of another one (worker)."""

    def __init__(self, closed: Any, close: _Call, then: _Call) -> None:
        self._closed = closed
        self._close = close
        self._then = then

    def __call__(self) -> None:
        """Close it. Nothing refers to itself any more then, as it did through this."""
        closed, self._closed = self._closed, None
        if closed is not None:
            del closed.close
        try:
            self._close()
        finally:
            self._then()


class _Parts:
    """The parts of a response that takes no other ``close()`` (worker)."""

    def __init__(self, parts: Iterable[bytes], close: _Call, then: _Call) -> None:
        self._parts = parts
        self._close = close
        self._then = then

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        """Close them."""
        try:
            self._close()
        finally:
            self._then()
