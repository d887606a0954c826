"""Answers to handshakes of WebSockets: the server's own, and those of applications that take sockets."""

import socket
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simple_websocket import Server
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Event, Message, RejectConnection, RejectData
from wsproto.extensions import PerMessageDeflate

from hybrid.server.websocket.opening import Opening
from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.http2.parts import Head
from hybrid.server.wire.http2.responses import ResponseReader
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import CONTINUE, ResponseEncoder
from hybrid.server.wire.websocket.handshake import Handshake, read_handshake
from tests.support.http2_responses import Fields, Meaning, draw_ways, read, ways

REQUEST: Fields = [
    (b"host", b"x"),
    (b"connection", b"Upgrade"),
    (b"upgrade", b"websocket"),
    (b"sec-websocket-version", b"13"),
    (b"sec-websocket-key", b"AAAAAAAAAAAAAAAAAAAAAA=="),
    (b"sec-websocket-protocol", b"chat, other"),
    (b"sec-websocket-extensions", b"permessage-deflate"),
]
STATUS = (b":status", b"200")


def handshake() -> Handshake:
    """Read the request of all these answers."""
    return read_handshake("GET", "1.1", REQUEST, 15)


@given(
    st.sampled_from([None, "chat", "other"]),
    st.lists(st.sampled_from([(b"Set-Cookie", b"a=b"), (b"x-a", b" b "), (b"date", b"now")]), max_size=3),
    st.binary(max_size=50),
    st.data(),
)
def test_accepted(subprotocol: str | None, headers: Fields, frames: bytes, data: st.DataObject) -> None:
    """It is a 200 in HTTP/2, without what proves in HTTP/1.1 that it is meant (RFC 8441 section 5.1). All
    that follows is data, until the connection ends.
    """
    message = {"type": "websocket.accept", "subprotocol": subprotocol, "headers": headers}
    agreed = handshake().deflate
    opening = Opening(Request("GET", b"/", "2", REQUEST), handshake())
    raw = opening.accept(message, (b"date: today\r\n", b"server: us\r\n"))
    expected = [STATUS]
    expected += [(b"sec-websocket-protocol", subprotocol.encode())] if subprotocol else []
    expected += [(b"sec-websocket-extensions", agreed.response)] if agreed else []
    expected += [(name.lower(), value.strip()) for name, value in headers]
    expected += [] if (b"date", b"now") in headers else [(b"date", b"today")]
    expected += [(b"server", b"us")]
    for way in draw_ways(raw + frames, data):
        told = read(way, websocket=True)
        assert told == Meaning([expected], frames, complete=False)
        assert read(way, websocket=True, eof=True) == told._replace(complete=True)


def test_the_head_does_not_end_the_stream() -> None:
    """Frames follow, though none is here yet."""
    (head,) = ResponseReader("GET", websocket=True).feed(handshake().response())
    assert isinstance(head, Head)
    assert (head.final, head.end) == (True, False)


@pytest.mark.parametrize("status", [401, 403, 302, 500])
def test_denied(status: int) -> None:
    """Any other answer is a response as to any request."""
    opening = Opening(Request("GET", b"/", "2", REQUEST), handshake())
    start = {"status": status, "headers": [(b"content-type", b"text/plain")]}
    opening.deny(start, (b"server: us\r\n",), ResponseEncoder)
    raw = CONTINUE
    raw += b"".join(opening.deny_part({"body": body, "more_body": bool(body)}) for body in (b"n", b"o", b""))
    fields = [(b"content-type", b"text/plain"), (b"server", b"us")]
    heads = [[(b":status", b"100")], [(b":status", b"%d" % status), *fields]]
    for way in ways(raw):
        assert read(way, websocket=True) == Meaning(heads, b"no")


def test_101_must_be_asked_for() -> None:
    """What nobody has asked for is no answer."""
    with pytest.raises(ResponseError, match="a status of 101 in answer to a request that does not ask"):
        ResponseReader("GET").feed(handshake().response())


def wsproto_response(event: AcceptConnection | RejectConnection, *more: Event) -> bytes:
    """Answer the request by wsproto."""
    it = WSConnection(ConnectionType.SERVER)
    lines = b"".join(b"%b: %b\r\n" % field for field in REQUEST)
    it.receive_data(b"GET / HTTP/1.1\r\n" + lines + b"\r\n")
    return b"".join(it.send(each) for each in (event, *more))


def by_wsproto() -> bytes:
    """Accept as wsproto does, with all that it can say."""
    event = AcceptConnection(
        subprotocol="chat", extensions=[PerMessageDeflate()], extra_headers=[(b"X-A", b"1")]
    )
    return wsproto_response(event, Message(data="hello"))


def by_simple_websocket() -> bytes:
    """Accept as simple-websocket does, which flask-sock is made of."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        environ = {
            f"HTTP_{name.decode().upper().replace('-', '_')}": value.decode() for name, value in REQUEST
        }
        server = Server({**environ, "werkzeug.socket": theirs}, subprotocols=["chat"])
        server.send("hello")
        raw = ours.recv(65536)
        while not raw.partition(b"\r\n\r\n")[2]:
            raw += ours.recv(65536)
        ours.shutdown(socket.SHUT_RDWR)
        server.thread.join()
    return raw


def by_hand() -> bytes:
    """Accept as applications do that write the response themselves."""
    return (
        b"HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\n"
        b"Connection: keep-alive, Upgrade\r\n"
        b"Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\nSec-WebSocket-Protocol: chat\r\n"
        b"Content-Length: 0\r\n\r\n\x81\x05hello"
    )


@pytest.mark.parametrize("application", [by_wsproto, by_simple_websocket, by_hand])
def test_applications_that_take_sockets(application: Callable[[], bytes]) -> None:
    """They speak HTTP/1.1, each in its way; the client gets what HTTP/2 has of it, and then their frames."""
    raw = application()
    for way in ways(raw):
        told = read(way, websocket=True)
        (fields,) = told.heads
        assert {STATUS, (b"sec-websocket-protocol", b"chat")} <= {*fields}
        assert {name for name, _ in fields} <= {
            b":status",
            b"sec-websocket-protocol",
            b"sec-websocket-extensions",
            b"x-a",
        }
        assert told.body == raw.partition(b"\r\n\r\n")[2]
        assert len(told.body) >= 7


def test_an_application_that_refuses() -> None:
    """The refusal of wsproto is chunked, and read as any response."""
    event = RejectConnection(status_code=403, headers=[(b"X-A", b"1")], has_body=True)
    raw = wsproto_response(event, RejectData(data=b"no"))
    for way in ways(raw):
        told = read(way, websocket=True)
        assert told == Meaning([[(b":status", b"403"), (b"x-a", b"1")]], b"no")
