"""Feeds bytes to the request parser in any pieces, and tells what came out."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hybrid.bridge.types import Headers
from hybrid.server.limits import Limits
from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.http11 import Request, RequestParser


@dataclass(frozen=True)
class Seen:
    """A request as it came out of the parser, with its whole body, and whether the connection goes on."""

    method: str
    target: bytes
    version: str
    headers: Headers
    body: bytes
    keep_alive: bool = field(default=True, compare=False)


@dataclass
class Parsed:
    """What came of some bytes.

    Attributes:
        requests: those that were complete.
        started: how many had a head that was accepted.
        refused: the status that the rest was refused with, or None.
        unread: bytes of an incomplete head.
    """

    requests: list[Seen] = field(default_factory=list)
    started: int = 0
    refused: int | None = None
    unread: bytes = b""


def parse(pieces: Iterable[bytes], limits: Limits | None = None) -> Parsed:
    """Give the pieces to a parser, in the way a connection does, until they end or are refused."""
    parsed = Parsed()
    run = _Run(RequestParser(limits or Limits(), check_scheme=in_clear), parsed)
    try:
        for piece in pieces:
            run.feed(piece)
    except RequestError as error:
        parsed.refused = error.status
    parsed.unread = run.parser.waiting
    return parsed


def in_clear(scheme: str) -> None:
    """Refuse what a client may not ask for on a connection that is not encrypted."""
    if scheme != "http":
        raise RequestError(421, "not http")


def bytewise(data: bytes) -> Iterable[bytes]:
    """Cut data into its bytes."""
    return (data[index : index + 1] for index in range(len(data)))


class _Run:
    """One parser at work, and the request whose body is being read."""

    def __init__(self, parser: RequestParser, parsed: Parsed) -> None:
        self.parser = parser
        self.parsed = parsed
        self.request: Request | None = None
        self.body = b""

    def feed(self, piece: bytes) -> None:
        """Take some bytes, and all requests that they complete."""
        if self.request is None:
            self._next(piece)
        else:
            self.parser.feed(piece)
        while self.request is not None:
            if not self.parser.body_complete:
                self.body += self.parser.read_body()
            if not self.parser.body_complete:
                return
            self._end(self.request)
            self._next(b"")

    def _next(self, piece: bytes) -> None:
        self.request = self.parser.next_request(piece)
        self.body = b""
        self.parsed.started += self.request is not None

    def _end(self, request: Request) -> None:
        head = (request.method, request.target, request.http_version, request.headers)
        self.parsed.requests.append(Seen(*head, self.body, request.keep_alive))
