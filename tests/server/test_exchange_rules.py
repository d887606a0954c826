"""What an application may send of a response, and in which order: what is refused, and in which words."""

from array import array
from typing import Any

import pytest

from hybrid.bridge.errors import ProtocolError
from hybrid.server.wire.errors import ResponseError
from tests.support.http_peer import Peer, Puppet, get, on_loop, started


class Own(bytes):
    """A subclass, as templates return."""


@pytest.mark.parametrize("due", ["http.response.start", "http.response.body"])
@pytest.mark.parametrize("wrong", ["http.response.start", "http.response.body", "http.response.push", "x"])
@on_loop
async def test_order(due: str, wrong: str) -> None:
    """A message out of order raises an error that names it and what is due, and changes nothing."""
    if due == wrong:
        return
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    if due == "http.response.body":
        await app.call.start()
    with pytest.raises(ProtocolError, match=f"'{wrong}' was sent, but {due} is due"):
        await app.call.send({"type": wrong, "status": 200, "body": b""})
    if due == "http.response.start":
        await app.call.start()
    await app.call.body(b"still works")
    assert peer.response().body == b"still works"
    await app.call.finish()


@pytest.mark.parametrize("kind", ["http.response.start", "http.response.body"])
@on_loop
async def test_send_after_the_end(kind: str) -> None:
    """After the response every message is an error that says so, and the connection lives."""
    app, peer = await started()
    await app.call.body()
    with pytest.raises(ProtocolError, match=f"'{kind}' was sent, but the response is complete"):
        await app.call.send({"type": kind, "status": 200})
    await app.call.finish()
    await peer.send(get())
    await app.call.answer(b"next")
    assert [response.body for response in peer.responses("GET", "GET")] == [b"", b"next"]


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ({"status": 199}, "response status 199 is not a number from 200 to 599"),
        ({"status": 600}, "response status 600"),
        ({"status": "200"}, "response status '200'"),
        ({"status": None}, "response status None"),
        ({"status": True}, "response status True"),
        ({"status": []}, r"http\.response\.start: status must be an int, not \[\]"),
        ({"status": 200.0}, "response status 200.0 is not a number"),
        ({}, "http.response.start: status is missing"),
        ({"headers": [("a", "b")]}, "must be bytes, not 'a': 'b'"),
        ({"headers": [(b"a", "b")]}, "must be bytes, not b'a': 'b'"),
        ({"headers": [(b"a", 1)]}, "must be bytes, not b'a': 1"),
        ({"headers": [(b"a", bytearray(b"b"))]}, "must be bytes, not b'a': bytearray"),
        ({"headers": [(b"content-length", 5)]}, r"pairs of bytes, not of \(b'content-length', 5\)"),
        ({"headers": [(b"content-length", "5")]}, r"pairs of bytes, not of \(b'content-length', '5'\)"),
        ({"headers": [(b"a", b"b"), (b"a",)]}, r"pairs of bytes, not of \(b'a',\)"),
        ({"headers": [b"a: b"]}, "pairs of bytes, not of b'a: b'"),
        ({"headers": (b"a: b" for _ in range(1))}, "headers must be an iterable of pairs of bytes$"),
        ({"headers": [None]}, "pairs of bytes, not of None"),
        ({"headers": {b"a": b"b"}}, "pairs of bytes, not {b'a': b'b'}"),
        ({"headers": {b"ab": b"c"}}, "pairs of bytes, not {b'ab': b'c'}"),
        ({"headers": b"ab"}, "pairs of bytes, not b'ab'"),
        ({"headers": 5}, "pairs of bytes, not 5"),
        ({"headers": None}, "pairs of bytes, not None"),
        ({"headers": [(b"a\r\nb", b"c")]}, "invalid header name"),
        ({"headers": [(b"", b"c")]}, "invalid header name"),
        ({"headers": [(b"a b", b"c")]}, "invalid header name"),
        ({"headers": [(b"a:", b"c")]}, "invalid header name"),
        ({"headers": [("é".encode(), b"c")]}, "invalid header name"),
        ({"headers": [(b"a", b"b\r\nc: d")]}, "invalid character in the value of header b'a'"),
        ({"headers": [(b"a", b"b\nc")]}, "invalid character"),
        ({"headers": [(b"a", b"b\rc")]}, "invalid character"),
        ({"headers": [(b"a", b"b\0c")]}, "invalid character"),
        ({"headers": [(b"a", b"b\x7f")]}, "invalid character"),
        ({"headers": [(b"date", b"x\r\n\r\n")]}, "invalid character"),
        ({"headers": [(b"connection", b"x\r\n\r\n")]}, "invalid character"),
        ({"headers": [(b"content-length", b"-1")]}, "Content-Length"),
        ({"headers": [(b"content-length", b"1\r\n")]}, "invalid character"),
        ({"headers": [(b"content-length", b"1, 1")]}, "Content-Length"),
        ({"headers": [(b"content-length", b"")]}, "Content-Length"),
        ({"headers": [(b"content-length", "²".encode())]}, "Content-Length"),
        ({"headers": [(b"content-length", b"1"), (b"content-length", b"1")]}, "Content-Length"),
        ({"headers": [(b"content-length", b"1"), (b"Content-Length", b"2")]}, "Content-Length"),
        ({"headers": [(b"content-length", b"9" * 5000)]}, "content-length"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value)[:60].partition(" at 0x")[0],
)
@on_loop
async def test_start_that_is_wrong(message: dict[str, Any], rule: str) -> None:
    """A head that would break the framing, or is of the wrong type, raises an error that names the rule.

    Nothing has been sent by then, so that the application can still answer with something better.
    """
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    if message and "status" not in message:
        message = {"status": 200, **message}
    with pytest.raises(ResponseError, match=rule):
        await app.call.send({"type": "http.response.start", **message})
    await app.call.answer(b"sorry", 500)
    assert peer.response().body == b"sorry"


@pytest.mark.parametrize("body", ["text", 5, [b"a"], None], ids=repr)
@pytest.mark.parametrize("more", [False, True])
@on_loop
async def test_body_of_the_wrong_type(body: object, more: bool) -> None:
    """A body that is not bytes raises an error that says so, and nothing has been sent."""
    app, peer = await started()
    with pytest.raises(ResponseError, match=r"http\.response\.body: body must be bytes, not "):
        await app.call.body(body, more=more)
    assert peer.transport.take() == b""
    await app.call.finish()
    assert peer.response().status == 500


@pytest.mark.parametrize("more", [None, 0, 1, "", "yes"], ids=repr)
@on_loop
async def test_more_body_of_the_wrong_type(more: object) -> None:
    """`more_body` is a bool; whatever else could be meant, the error says so, and nothing has been sent."""
    app, peer = await started()
    with pytest.raises(ResponseError, match=rf"http\.response\.body: more_body must be a bool, not {more!r}"):
        await app.call.send({"type": "http.response.body", "body": b"a", "more_body": more})
    assert peer.transport.take() == b""
    await app.call.body(b"all")
    assert peer.response().body == b"all"
    await app.call.finish()


@pytest.mark.parametrize(
    "body",
    [bytearray(b"ab"), memoryview(b"ab"), memoryview(array("H", [25185])), Own(b"ab")],
    ids=["bytearray", "memoryview", "memoryview of numbers", "bytes of its own"],
)
@on_loop
async def test_body_that_is_as_good_as_bytes(body: Any) -> None:
    """A bytearray, a memoryview, of whatever items, and a subclass of bytes are the bytes in them."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start(200, [(b"content-length", b"4")])
    await app.call.body(body, more=True)
    await app.call.body(body)
    assert peer.response().body == bytes(body) * 2
    await app.call.finish()


@on_loop
async def test_additional_keys() -> None:
    """Keys that nobody knows are no error (ASGI specification, "Error Handling")."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.send({"type": "http.response.start", "status": 200, "x": 1})
    await app.call.send({"type": "http.response.body", "body": b"a", "x": 1})
    assert peer.response().body == b"a"
    await app.call.finish()


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ({}, "its type is missing"),
        ({"type": b"http.response.start"}, "its type must be a str"),
        ({"type": None}, "its type must be a str"),
        ({"type": []}, "its type must be a str"),
        (None, "it must be a dict"),
        ([], "it must be a dict"),
        ("http.response.start", "it must be a dict"),
    ],
    ids=repr,
)
@on_loop
async def test_message_without_a_type(message: Any, complaint: str) -> None:
    """What is no message raises an error that says so."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    with pytest.raises(ProtocolError, match=f"is no ASGI message: {complaint}"):
        await app.call.send(message)
    await app.call.answer()
    assert peer.response().status == 200


@pytest.mark.parametrize(("first", "second"), [(b"", b"toolong"), (b"too", b"long"), (b"exacts", b"a")])
@on_loop
async def test_body_longer_than_announced(first: bytes, second: bytes) -> None:
    """Bytes beyond Content-Length are not sent: the client would take them for the next response."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start(200, [(b"content-length", b"6")])
    await app.call.body(first, more=True)
    with pytest.raises(ResponseError, match="longer than its Content-Length"):
        await app.call.body(second, more=True)
    assert len(peer.transport.take().partition(b"\r\n\r\n")[2]) <= 6
    await app.call.finish()
    assert peer.transport.aborted or peer.closed


@on_loop
async def test_body_shorter_than_announced() -> None:
    """A body that ends before its Content-Length is an error; a client that got a part of it can tell."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start(200, [(b"content-length", b"6")])
    await app.call.body(b"a", more=True)
    with pytest.raises(ResponseError, match="shorter than its Content-Length"):
        await app.call.body(b"b")
    await app.call.finish()
    assert peer.transport.aborted


@on_loop
async def test_wrong_length_found_in_time() -> None:
    """When nothing has been sent, an application may go on with a body of the right length."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/", version="1.0"))
    await app.call.start(200, [(b"content-length", b"2")])
    for body in (b"a", b"abc"):
        with pytest.raises(ResponseError, match="its Content-Length"):
            await app.call.body(body)
    await app.call.body(b"ab")
    assert peer.response().body == b"ab"
    await app.call.finish()


@on_loop
async def test_body_complete_but_not_said_so() -> None:
    """A body that has its announced length still wants its last message."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start(200, [(b"content-length", b"2")])
    await app.call.body(b"ab", more=True)
    await app.call.body(b"")
    assert peer.response().body == b"ab"
    await app.call.finish()
    assert not peer.closed
