"""A request that is sent to both lanes, and what came of it on one of them."""

from dataclasses import dataclass
from typing import Final

#: The methods whose requests change nothing (RFC 9110, section 9.2.1), and which alone are sent twice.
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """One request as a client sent it.

    Attributes:
        target: the path with the query, percent-encoded as it came.
        headers: names in lower case, in the order in which they came; values decoded from Latin-1.
        view: the name of its view, or the view's dotted path; ``""`` where that is not known.
    """

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""
    view: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one lane, or one server, made of a request.

    Attributes:
        lane: ``wsgi``, ``asgi``, or the address of the server that was asked.
        status: 0 where there was no answer.
        headers: names in lower case, in the order in which they came.
        body: as far as it was kept.
        size: bytes of the whole body.
        first_byte: seconds until the first byte of the body, or the end without one.
        chunks: seconds from the start to each piece of the body that the application gave.
        queries: SQL as it was sent, with the alias before it; None where nobody could look.
        warnings: messages logged at WARNING or above, with the logger's name before them.
        sent: what would have left the process: mail, tasks, messages to channel layers, and hooks that wait
            for a commit; a line each.
        exception: the exception that no middleware turned into an answer, or that stands behind a 500:
            ``"ValueError: …"``.
        complete: whether the answer came to its end. Not where the time was over before, or where the
            application failed after the head had gone out.
        notes: what to know of this run besides: what could not be guarded, or went another way; a line each.
    """

    lane: str
    status: int
    headers: Headers = ()
    body: bytes = b""
    size: int = 0
    first_byte: float = 0.0
    chunks: tuple[float, ...] = ()
    queries: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    exception: str = ""
    complete: bool = True
    notes: tuple[str, ...] = ()


class Unreachable(Exception):
    """Nobody answers where a request is sent to; the text says where, and why."""
