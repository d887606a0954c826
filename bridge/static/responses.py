"""What a request for a file is answered with."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from hybrid.bridge.routing import refusing
from hybrid.bridge.static.conditions import SEND, Verdict, allows_range, judge
from hybrid.bridge.static.ranges import select_range
from hybrid.bridge.static.sending import OpenFile, send_part
from hybrid.bridge.static.shelf import Entry, Shelf
from hybrid.bridge.static.variants import Variant
from hybrid.bridge.types import ASGIApp, Headers, Receive, Scope, Send

#: Refusals are for now: a file may come, and nobody should have been told to remember that it was not there.
UNSTORED: Final = (b"cache-control", b"no-store")

_ACCEPT_ENCODING: Final = b"accept-encoding"
#: What a request may say that matters here.
_ASKED: Final = frozenset(
    (_ACCEPT_ENCODING, b"range", b"if-range", b"if-match", b"if-none-match", b"if-modified-since",
    b"if-unmodified-since")
)  # fmt: skip


def respond(shelf: Shelf, entry: Entry, scope: Scope) -> ASGIApp:
    """Decide on the answer to a GET or HEAD, and have at hand what it needs: the file is open, if it is not
    in memory, until what is returned has been awaited.

    Raises:
        NotServed: the file is not there any more, or must not be read.
        OSError: it cannot be opened.
    """
    asked = _asked(scope["headers"])
    chosen = entry.choose(asked.get(_ACCEPT_ENCODING))
    verdict = judge(asked, chosen.etag, chosen.modified)
    if verdict is not SEND:
        return _unsent(verdict, chosen)
    variant, descriptor = shelf.open(entry, chosen)
    file = None if descriptor is None else OpenFile(descriptor, variant.path, variant.size)
    try:
        if variant is not chosen and (verdict := judge(asked, variant.etag, variant.modified)) is not SEND:
            answer = _unsent(verdict, variant)
        elif scope["method"] == "HEAD":
            answer = _Response(200, variant, _whole(variant), b"")
        else:
            part = _part(asked, variant)
            if part is None or part:
                return _sent(variant, part, file)
            answer = refusing(416, [(b"content-range", b"bytes */%d" % variant.size), UNSTORED])
    except BaseException:
        if file is not None:
            file.close()
        raise
    if file is not None:
        file.close()
    return answer


class _Piece(NamedTuple):
    """Some bytes of an open file."""

    file: OpenFile
    part: range


class _Response:
    """A response whose bytes are at hand, or in an open file, which it closes."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(
        self, status: int, variant: Variant, headers: Iterable[tuple[bytes, bytes]], body: bytes | _Piece
    ) -> None:
        self._status = status
        # A list of its own: what stands around an application may add to it.
        self._headers: Headers = [*headers, *variant.about]
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        body = self._body
        start = {"type": "http.response.start", "status": self._status, "headers": self._headers}
        if isinstance(body, bytes):
            await send(start)
            await send({"type": "http.response.body", "body": body})
            return
        try:
            await send(start)
            await send_part(scope, receive, send, body.file, body.part)
        finally:
            body.file.close()


def _asked(headers: Headers) -> dict[bytes, bytes]:
    """Return the fields that matter, several lines of one joined (RFC 9110 section 5.3)."""
    asked: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _ASKED:
            asked[name] = asked[name] + b", " + value if name in asked else value
    return asked


def _part(asked: dict[bytes, bytes], variant: Variant) -> range | None:
    """Return the bytes that are asked for, None for the whole, and none at all for what is not there."""
    wanted = asked.get(b"range")
    if wanted is None or not allows_range(asked.get(b"if-range"), variant.etag, variant.modified):
        return None
    return select_range(wanted, variant.size)


def _sent(variant: Variant, part: range | None, file: OpenFile | None) -> _Response:
    if part is None:
        status, headers, part = 200, _whole(variant), range(variant.size)
    else:
        place = b"bytes %d-%d/%d" % (part.start, part.stop - 1, variant.size)
        length = b"%d" % len(part)
        status, headers = 206, [*variant.description, (b"content-length", length), (b"content-range", place)]
    if file is not None:
        return _Response(status, variant, headers, _Piece(file, part))
    content = variant.content or b""
    return _Response(status, variant, headers, content if status == 200 else content[part.start : part.stop])


def _whole(variant: Variant) -> Headers:
    return [*variant.description, (b"content-length", b"%d" % variant.size)]


def _unsent(verdict: Verdict, variant: Variant) -> ASGIApp:
    """Answer without the file. What the client has stays valid for as long as it would be if it came now (RFC
    9110 section 15.4.5).
    """
    if verdict is Verdict.NOT_MODIFIED:
        return _Response(304, variant, (), b"")
    return refusing(412, [UNSTORED])
