"""Encoders with something in front of them: trailer fields, and parts that are on their way."""

from typing import Any

import h11
import pytest

from hybrid.bridge.errors import ProtocolError
from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.fronted import FORBIDDEN_TRAILERS, BusyEncoder, TrailedEncoder
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import ResponseEncoder

Headers = list[tuple[bytes, bytes]]

ASKS: Headers = [(b"te", b"gzip;q=0.5, Trailers")]


def trailed(
    request_headers: Headers = ASKS,
    headers: Headers | None = None,
    *,
    method: str = "GET",
    version: str = "1.1",
    status: int = 200,
) -> TrailedEncoder:
    """Make the encoder of a response that says that trailer fields follow."""
    request = Request(method, b"/", version, request_headers)
    return TrailedEncoder(ResponseEncoder(request, status, None, headers or [], ()), request)


def read(data: bytes) -> tuple[bytes, Headers]:
    """Return body and trailer fields as an independent parser reads them."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    assert isinstance(client.next_event(), h11.Response)
    body = b""
    while not isinstance(event := client.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.Data)
        body += bytes(event.data)
    assert client.trailing_data == (b"", False)
    return body, list(event.headers)


class TestTrailers:
    """RFC 9110 section 6.5, RFC 9112 section 7.1.2."""

    @pytest.mark.parametrize("parts", [[b""], [b"body"], [b"bo", b"dy"], [b"body", b""]])
    def test_sent(self, parts: list[bytes]) -> None:
        """They come after the last chunk, and only they complete the response."""
        it = trailed()
        data = b"".join(it.encode(part, number < len(parts)) for number, part in enumerate(parts, 1))
        assert (it.due, it.complete, it.keep_alive) == (True, False, True)
        data += it.encode_trailers([(b"a", b"1"), (b"b", b"2")], more=False)
        assert (it.due, it.complete) == (False, True)
        assert read(data) == (b"".join(parts), [(b"a", b"1"), (b"b", b"2")])

    def test_in_several_parts(self) -> None:
        """Fields may come in several messages, also in none."""
        it = trailed()
        data = it.encode(b"body", False)
        for fields, more in (([], True), ([(b"a", b"1")], True), ([(b"b", b"2")], True), ([], False)):
            data += it.encode_trailers(fields, more)
        assert read(data) == (b"body", [(b"a", b"1"), (b"b", b"2")])

    def test_after_a_file(self) -> None:
        """A body may end with a part that does not pass through the encoder."""
        it = trailed()
        before, after = it.encode_around(4)
        assert it.due
        data = before + b"file" + after + it.encode_trailers([(b"a", b"1")], more=False)
        assert read(data) == (b"file", [(b"a", b"1")])

    @pytest.mark.parametrize(
        "options",
        [
            pytest.param({"request_headers": []}, id="nobody asks"),
            pytest.param({"request_headers": [(b"te", b"trailers;q=1")]}, id="nothing of the kind"),
            pytest.param({"version": "1.0"}, id="HTTP/1.0"),
            pytest.param({"headers": [(b"content-length", b"4")]}, id="no chunks"),
            pytest.param({"method": "HEAD"}, id="HEAD"),
            pytest.param({"status": 204}, id="204"),
            pytest.param({"status": 304}, id="304"),
        ],
    )
    def test_dropped(self, options: dict[str, Any]) -> None:
        """Where they cannot be sent, or nobody asks, the response is what it would be without them; the
        application must send them all the same.
        """
        it = trailed(**options)
        plain = it.inner
        assert isinstance(plain, ResponseEncoder)
        data = it.encode(b"body", False)
        assert b"transfer-encoding" not in data
        assert (plain.complete, it.complete, it.due) == (True, False, True)
        assert it.encode_trailers([(b"a", b"1")], more=False) == b""
        assert it.complete

    @pytest.mark.parametrize("request_headers", [ASKS, []])
    @pytest.mark.parametrize(
        "field",
        [
            *[(name, b"1") for name in sorted(FORBIDDEN_TRAILERS)],
            (b"Content-Length", b"1"),
            (b":status", b"200"),
            (b"a b", b"1"),
            (b"", b"1"),
            (b"a", b"1\r\nb: 2"),
            ("a", b"1"),
            (b"a", "1"),
        ],
    )
    def test_refused(self, request_headers: Headers, field: Any) -> None:
        """What must not be there, or would be more than a field, is refused, sent or not."""
        it = trailed(request_headers)
        it.encode(b"body", False)
        with pytest.raises(ResponseError):
            it.encode_trailers([field], more=False)
        assert it.due

    def test_body_after_its_end(self) -> None:
        """When the trailers are due no part of the body is taken."""
        it = trailed()
        it.encode(b"body", False)
        with pytest.raises(ProtocolError, match=r"http\.response\.trailers is due"):
            it.encode(b"more", False)
        with pytest.raises(ProtocolError, match=r"http\.response\.trailers is due"):
            it.encode_around(4)

    def test_content_length(self) -> None:
        """The body is checked as without trailers."""
        it = trailed(headers=[(b"content-length", b"4")])
        with pytest.raises(ResponseError, match="shorter"):
            it.encode(b"bod", False)


def test_fronted() -> None:
    """What stands in front says the same of the response, and passes on what it is told."""
    it = trailed()
    assert (it.status, it.head_sent, it.sends_body, it.chunks) == (200, False, True, True)
    it.keep_alive = False
    it.note_sent(4)
    assert b"connection: close" in it.encode(b"body", True)
    assert (it.head_sent, it.inner.keep_alive) == (True, False)
    assert repr(it).startswith("<TrailedEncoder <ResponseEncoder 200")


def test_busy() -> None:
    """While a part is on its way no other one is taken."""
    it = BusyEncoder(trailed().inner)
    for encode in (lambda: it.encode(b"", more=True), lambda: it.encode_around(4, more=True)):
        with pytest.raises(ProtocolError, match="still being sent"):
            encode()
    assert not it.complete
