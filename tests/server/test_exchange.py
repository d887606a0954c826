"""One request and its response as an application sees them, in the order of the ASGI HTTP specification."""

import asyncio
import contextlib
import logging
from array import array
from collections.abc import Awaitable
from typing import Any, TypeVar

import pytest

from hybrid.bridge.errors import ClientDisconnected, ProtocolError
from hybrid.bridge.types import ASGIApp, Receive, Resolver, Scope, Send
from hybrid.server.exchange import BODY_HIGH_WATER
from hybrid.server.wire.errors import ResponseError
from tests.support.http_peer import Peer, Puppet, get, on_loop, request, settle

T = TypeVar("T")


class Own(bytes):
    """A subclass, as templates return."""


async def start_waiting(call: Awaitable[T]) -> "asyncio.Future[T]":
    """Call `receive` or `send` in a task of its own, and let it come as far as it can."""
    task = asyncio.ensure_future(call)
    await settle()
    return task


# The scope.


@on_loop
async def test_scope() -> None:
    """The scope has every key of the specification, with the values of the request and the connection."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/a%20b/%C3%A9?c=%20&d", "X-One: 1", "x-ONE: \xe9", version="1.1"))
    scope = dict(app.call.scope)
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/a b/é",
        "raw_path": b"/a%20b/%C3%A9",
        "query_string": b"c=%20&d",
        "root_path": "",
        "headers": [(b"host", b"x"), (b"x-one", b"1"), (b"x-one", b"\xe9")],
        "client": ("192.0.2.1", 50000),
        "server": ("192.0.2.2", 80),
        "state": {},
        "extensions": {
            "hybrid.shutdown": peer.context.shutdown,
            "http.response.early_hint": {},
            "http.response.trailers": {},
            "http.response.pathsend": {},
            "http.response.zerocopysend": {},
        },
    }
    await app.call.answer()


@pytest.mark.parametrize(
    ("target", "path", "raw_path", "query"),
    [
        ("/", "/", b"/", b""),
        ("/?", "/", b"/", b""),
        ("/?a?b", "/", b"/", b"a?b"),
        ("/a+b", "/a+b", b"/a+b", b""),
        ("/a%2Fb", "/a/b", b"/a%2Fb", b""),
        ("/a%3Fb", "/a?b", b"/a%3Fb", b""),
        ("/%25", "/%", b"/%25", b""),
        ("/%zz%", "/%zz%", b"/%zz%", b""),
        ("/%00", "/\0", b"/%00", b""),
        ("/%e2%82%ac", "/€", b"/%e2%82%ac", b""),
        ("/%ff", "/\N{REPLACEMENT CHARACTER}", b"/%ff", b""),
        ("//a/../b", "//a/../b", b"//a/../b", b""),
        ("http://y/a?b", "/a", b"/a", b"b"),
    ],
)
@on_loop
async def test_path(target: str, path: str, raw_path: bytes, query: bytes) -> None:
    """The path is decoded once and as UTF-8, `raw_path` and `query_string` are as they came."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get(target))
    scope = app.call.scope
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw_path, query)
    await app.call.answer()


@on_loop
async def test_root_path() -> None:
    """The paths of the scope begin with the path that a proxy in front has taken off."""
    app = Puppet()
    peer = Peer(app, root_path="/mount/")
    await peer.send(get("/a"))
    scope = app.call.scope
    assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/mount", "/mount/a", b"/mount/a")
    await app.call.answer()


@on_loop
async def test_root_path_as_a_client_writes_it() -> None:
    """What is put before `raw_path` is encoded as the rest of it is."""
    app = Puppet()
    peer = Peer(app, root_path="/é b")
    await peer.send(get("/a"))
    scope = app.call.scope
    assert (scope["path"], scope["raw_path"]) == ("/é b/a", b"/%C3%A9%20b/a")
    await app.call.answer()


@on_loop
async def test_root_path_and_asterisk() -> None:
    """A request that is about the whole server is below no path."""
    app = Puppet()
    peer = Peer(app, root_path="/mount")
    await peer.send(request("OPTIONS", "*"))
    assert (app.call.scope["path"], app.call.scope["raw_path"]) == ("*", b"*")
    await app.call.answer()


@on_loop
async def test_http_1_0_scope() -> None:
    """The version is the client's."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get(version="1.0"))
    assert app.call.scope["http_version"] == "1.0"
    await app.call.answer()


@on_loop
async def test_state_is_copied() -> None:
    """Each request gets a copy of the lifespan's state: what it sets is its own, what is in it is shared."""
    app = Puppet()
    shared: list[str] = []
    peer = Peer(app, state={"shared": shared})
    await peer.send(get())
    app.call.scope["state"]["own"] = True
    app.call.scope["state"]["shared"].append("seen")
    await app.call.answer()
    await peer.send(get())
    assert app.call.scope["state"] == {"shared": ["seen"]}
    await app.call.answer()


# Receiving.


@on_loop
async def test_receive_without_body() -> None:
    """A request without a body is one empty event."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    assert await app.call.receive() == {"type": "http.request", "body": b"", "more_body": False}
    await app.call.answer()


@on_loop
async def test_receive_body() -> None:
    """A body comes in the parts in which it arrived, and the last one says so."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Content-Length: 10", body=b"hello"))
    assert await app.call.receive() == {"type": "http.request", "body": b"hello", "more_body": True}
    waiting = await start_waiting(app.call.receive())
    assert not waiting.done()
    await peer.send(b"world")
    assert await waiting == {"type": "http.request", "body": b"world", "more_body": False}
    await app.call.answer()


@on_loop
async def test_receive_body_at_once() -> None:
    """A body that has come by the time is one event."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Content-Length: 10", body=b"hello"))
    await peer.send(b"world")
    assert await app.call.receive() == {"type": "http.request", "body": b"helloworld", "more_body": False}
    await app.call.answer()


@on_loop
async def test_receive_chunked_body() -> None:
    """The coding is taken off, and the trailers are dropped."""
    app = Puppet()
    peer = Peer(app)
    chunks = b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nA: b\r\n\r\n"
    await peer.send(request("POST", "/", "Transfer-Encoding: chunked", body=chunks))
    assert await app.call.receive() == {"type": "http.request", "body": b"hello", "more_body": False}
    await app.call.answer()


@on_loop
async def test_receive_after_body_waits_for_disconnect() -> None:
    """After the body the next event is the end: it comes when the client leaves, and from then on always."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.receive()
    waiting = await start_waiting(app.call.receive())
    assert not waiting.done()
    await peer.leave()
    assert await waiting == {"type": "http.disconnect"}
    assert await app.call.receive() == {"type": "http.disconnect"}
    await app.call.finish()


@on_loop
async def test_receive_after_response() -> None:
    """After the response the next event is the end, whether the body was read or not."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Content-Length: 5", body=b"hello"))
    await app.call.start()
    waiting = await start_waiting(app.call.body())
    assert await app.call.receive() == {"type": "http.disconnect"}
    await waiting
    await app.call.finish()


@on_loop
async def test_disconnect_wakes_receive_when_response_completes() -> None:
    """Whoever waits for the end while the response is sent is told when that is complete."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.receive()
    waiting = await start_waiting(app.call.receive())
    await app.call.start()
    await app.call.body()
    assert await waiting == {"type": "http.disconnect"}
    await app.call.finish()


@on_loop
async def test_what_has_come_is_received_before_disconnect() -> None:
    """A client that leaves in the middle of a body takes back nothing that it has sent."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Content-Length: 10", body=b"hello"))
    await peer.leave()
    assert await app.call.receive() == {"type": "http.request", "body": b"hello", "more_body": True}
    assert await app.call.receive() == {"type": "http.disconnect"}
    await app.call.finish()


@on_loop
async def test_two_receivers() -> None:
    """Two tasks of an application may wait at once, and both hear of the end."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.receive()
    waiting = [await start_waiting(app.call.receive()) for _ in range(2)]
    await peer.leave()
    assert await asyncio.gather(*waiting) == [{"type": "http.disconnect"}] * 2
    await app.call.finish()


@on_loop
async def test_receiver_cancelled() -> None:
    """A receive that is cancelled takes nothing with it."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Content-Length: 5"))
    waiting = await start_waiting(app.call.receive())
    waiting.cancel()
    await settle()
    await peer.send(b"hello")
    assert (await app.call.receive())["body"] == b"hello"
    await app.call.answer()


@on_loop
async def test_body_that_nobody_receives_pauses_the_socket() -> None:
    """What waits for the application is bounded; receiving it lets the socket go on."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", f"Content-Length: {3 * BODY_HIGH_WATER}"))
    await peer.send(bytes(BODY_HIGH_WATER))
    assert peer.transport.is_reading()
    await peer.send(bytes(1))
    assert not peer.transport.is_reading()
    assert len((await app.call.receive())["body"]) == BODY_HIGH_WATER + 1
    assert peer.transport.is_reading()
    await peer.send(bytes(2 * BODY_HIGH_WATER - 1))
    message = await app.call.receive()
    assert (len(message["body"]), message["more_body"]) == (2 * BODY_HIGH_WATER - 1, False)
    assert peer.transport.is_reading()
    await app.call.answer()


# Sending.


@on_loop
async def test_send_response() -> None:
    """A response of one part has its length; nothing is sent before the first part of the body."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start(201, [(b"X-One", b"1"), (b"x-one", b"\xe9 ")])
    assert peer.transport.take() == b""
    await app.call.body(b"hello")
    response = peer.response()
    assert (response.status, response.body) == (201, b"hello")
    assert response.values(b"x-one") == [b"1", b"\xe9"]
    assert response.values(b"content-length") == [b"5"]
    await app.call.finish()


@on_loop
async def test_send_parts() -> None:
    """A response of several parts is chunked, and each part leaves at once; an empty one is no end."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start()
    await app.call.body(b"hel", more=True)
    first = peer.transport.take()
    assert first.endswith(b"\r\n\r\n3\r\nhel\r\n")
    await app.call.body(b"", more=True)
    assert peer.transport.take() == b""
    await app.call.body(b"lo")
    peer.transport.write(first + peer.transport.take())
    response = peer.response()
    assert response.body == b"hello"
    assert response.values(b"transfer-encoding") == [b"chunked"]
    await app.call.finish()


@on_loop
async def test_send_minimal_messages() -> None:
    """Headers, body and `more_body` may be left out; iterables of pairs will do for headers."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.send({"type": "http.response.start", "status": 200})
    await app.call.send({"type": "http.response.body"})
    assert peer.response().body == b""
    await app.call.finish()
    await peer.send(get())
    await app.call.start(200, ([name, b"1"] for name in (b"a", b"b")))
    await app.call.body()
    assert peer.response().headers[:2] == [(b"a", b"1"), (b"b", b"1")]
    await app.call.finish()


@on_loop
async def test_send_after_disconnect() -> None:
    """Sending to a client that has left raises an OSError, whichever message is due."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await peer.leave()
    with pytest.raises(OSError, match="the client has left") as raised:
        await app.call.start()
    assert isinstance(raised.value, ClientDisconnected)
    with pytest.raises(OSError, match="the client has left"):
        await app.call.body()
    await app.call.finish()


@on_loop
async def test_send_after_disconnect_in_the_middle() -> None:
    """So does sending the rest of a body."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start()
    await app.call.body(b"a", more=True)
    await peer.leave()
    with pytest.raises(OSError, match="the client has left"):
        await app.call.body(b"b")
    await app.call.finish()


@on_loop
async def test_send_waits_for_a_slow_client() -> None:
    """While the client reads too slowly the application waits in `send`."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start()
    await peer.stop_reading()
    sending = await start_waiting(app.call.body(b"a", more=True))
    assert not sending.done()
    await peer.read_on()
    assert sending.done()
    await app.call.body()
    await app.call.finish()


@on_loop
async def test_two_senders_wait_for_a_slow_client() -> None:
    """Two tasks of an application may send at once: their parts go out in order, and both wait."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start()
    await peer.stop_reading()
    sending = [await start_waiting(app.call.body(part, more=True)) for part in (b"a", b"b")]
    assert not any(task.done() for task in sending)
    await peer.read_on()
    assert all(task.done() for task in sending)
    await app.call.body()
    assert peer.response().body == b"ab"
    await app.call.finish()


@on_loop
async def test_client_leaves_while_the_application_waits_in_send() -> None:
    """An application that waits for a slow client is told when that leaves."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start()
    await peer.stop_reading()
    sending = await start_waiting(app.call.body(b"a", more=True))
    await peer.leave()
    with pytest.raises(OSError, match="the client has left"):
        await sending
    await app.call.finish()


@on_loop
async def test_application_that_only_sends_to_a_client_that_left() -> None:
    """An application that waits for nothing else is told although the loop has had no turn to tell it."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start()
    peer.transport.abort()  # as it does itself when writing fails
    with pytest.raises(ClientDisconnected):
        await app.call.body(b"a", more=True)
    await app.call.finish()


@on_loop
async def test_last_part_is_sent_whether_the_client_reads_it_or_not() -> None:
    """The last `send` returns when the response is out of the application's hands."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/", "Connection: close"))
    await app.call.start()
    await peer.stop_reading()
    sending = await start_waiting(app.call.body(b"a"))
    await peer.read_on()
    await sending
    await app.call.finish()


# Rules.


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
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start()
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
    ids=lambda value: value if isinstance(value, str) else repr(value)[:60],
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
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start()
    with pytest.raises(ResponseError, match=r"http\.response\.body: body must be bytes, not "):
        await app.call.body(body, more=more)
    assert peer.transport.take() == b""
    await app.call.finish()
    assert peer.response().status == 500


@pytest.mark.parametrize("more", [None, 0, 1, "", "yes"], ids=repr)
@on_loop
async def test_more_body_of_the_wrong_type(more: object) -> None:
    """`more_body` is a bool; whatever else could be meant, the error says so, and nothing has been sent."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start()
    with pytest.raises(ResponseError, match=rf"http\.response\.body: more_body must be a bool, not {more!r}"):
        await app.call.send({"type": "http.response.body", "body": b"a", "more_body": more})
    assert peer.transport.take() == b""
    await app.call.body(b"all")
    assert peer.response().body == b"all"
    await app.call.finish()


@pytest.mark.parametrize(
    "body",
    [bytearray(b"ab"), memoryview(b"ab"), memoryview(array("H", [25185])), Own(b"ab")],
    ids=repr,
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


# How a call can end.


@on_loop
async def test_application_raises_before_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """An error before anything was sent is a 500 and a traceback in the log, and the connection closes."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/oops"))
    await app.call.finish(RuntimeError("broken"))
    response = peer.response()
    assert (response.status, response.body) == (500, b"Internal Server Error")
    assert response.values(b"connection") == [b"close"]
    assert peer.closed
    (record,) = caplog.records
    assert "GET /oops" in record.getMessage()
    assert record.exc_info
    assert "broken" in str(record.exc_info[1])


@on_loop
async def test_application_raises_after_start_was_given() -> None:
    """A start alone has not been sent yet, so that the client gets a 500 all the same."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start(200, [(b"x-secret", b"1")])
    await app.call.finish(RuntimeError("broken"))
    response = peer.response()
    assert response.status == 500
    assert not response.values(b"x-secret")


@on_loop
async def test_application_raises_in_the_middle() -> None:
    """An error in the middle of a response cuts the connection, so that the client can tell."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start()
    await app.call.body(b"part", more=True)
    await app.call.finish(RuntimeError("broken"))
    assert peer.transport.aborted
    assert peer.transport.take().endswith(b"4\r\npart\r\n")


@on_loop
async def test_application_raises_after_the_response(caplog: pytest.LogCaptureFixture) -> None:
    """An error after the response is logged; the client has what it asked for, and may go on."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start()
    await app.call.body(b"all")
    await app.call.finish(RuntimeError("too late"))
    assert peer.response().body == b"all"
    assert not peer.closed
    assert len(caplog.records) == 1


class Unusual(BaseException):
    """An exception that is none of the usual kinds."""


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        Unusual(),
        BaseExceptionGroup("several", [KeyboardInterrupt()]),
    ],
    ids=lambda error: type(error).__name__,
)
@on_loop
async def test_application_raises_what_is_no_error(error: BaseException) -> None:
    """Whatever an application raises, its client gets an answer and nobody else notices."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.finish(error)
    assert peer.response().status == 500
    assert peer.closed
    assert not peer.context.calls


@on_loop
async def test_application_returns_without_a_response(caplog: pytest.LogCaptureFixture) -> None:
    """Returning without a response is the application's fault: 500, and a line in the log."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.finish()
    assert peer.response().status == 500
    assert "returned without completing its response" in caplog.text


@on_loop
async def test_application_returns_in_the_middle() -> None:
    """Returning in the middle of a response cuts the connection."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start()
    await app.call.body(b"part", more=True)
    await app.call.finish()
    assert peer.transport.aborted


@pytest.mark.parametrize("started", [False, True])
@on_loop
async def test_application_returns_because_the_client_left(
    started: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """An application that stops when the client has left does as it should: nothing is logged."""
    caplog.set_level(logging.INFO)
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    if started:
        await app.call.start()
        await app.call.body(b"part", more=True)
    await app.call.receive()
    waiting = await start_waiting(app.call.receive())
    await peer.send_eof()
    assert await waiting == {"type": "http.disconnect"}
    await app.call.finish()
    assert peer.transport.closing
    assert not caplog.records


@on_loop
async def test_application_fails_because_the_client_left(caplog: pytest.LogCaptureFixture) -> None:
    """The error that `send` raises may come out of the application: that is not worth a line in the log."""
    caplog.set_level(logging.INFO)
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await peer.leave()
    with pytest.raises(ClientDisconnected) as raised:
        await app.call.start()
    await app.call.finish(raised.value)
    assert not caplog.records


@on_loop
async def test_application_translates_that_the_client_left(caplog: pytest.LogCaptureFixture) -> None:
    """Nor is what a framework raises in its place, but for a line that says what happened."""
    caplog.set_level(logging.INFO)
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/where"))
    await peer.leave()
    with pytest.raises(ClientDisconnected) as raised:
        await app.call.start()
    error = Exception()
    error.__cause__ = raised.value
    await app.call.finish(error)
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("INFO", None)
    assert record.getMessage() == "GET /where: ended with Exception, as its client has left"


@on_loop
async def test_application_goes_on_after_the_response() -> None:
    """A call that is still running after its response does not keep the connection from the next one."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    first = app.call
    await first.start()
    await first.body(b"1")
    await peer.send(get())
    assert len(app.calls) == 2
    await app.call.answer(b"2")
    assert [response.body for response in peer.responses("GET", "GET")] == [b"1", b"2"]
    assert len(peer.context.calls) == 1
    await first.finish()
    assert not peer.context.calls


@on_loop
async def test_a_bad_body_is_refused_in_the_application_s_place(caplog: pytest.LogCaptureFixture) -> None:
    """When the body turns out to be broken the client gets 400; the application hears that it has left."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Transfer-Encoding: chunked", body=b"2\r\nhe\r\n"))
    waiting = await start_waiting(app.call.receive_all())
    await peer.send(b"x\r\n")
    assert peer.response("POST").status == 400
    assert await waiting == [
        {"type": "http.request", "body": b"he", "more_body": True},
        {"type": "http.disconnect"},
    ]
    for call in (app.call.start(), app.call.body()):
        with pytest.raises(ClientDisconnected):
            await call
    await app.call.finish(ClientDisconnected())
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@on_loop
async def test_a_bad_body_after_the_head_of_the_response() -> None:
    """When a response has begun, a broken body cuts the connection."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Transfer-Encoding: chunked", body=b"2\r\nhe\r\n"))
    await app.call.start()
    await app.call.body(b"part", more=True)
    await peer.send(b"x\r\n")
    assert peer.transport.aborted
    with pytest.raises(ClientDisconnected):
        await app.call.body()
    await app.call.finish()


def broken_application(scope: Scope, receive: Receive, send: Send) -> Any:
    """Fail when called, not when awaited."""
    raise RuntimeError("broken")


class BrokenRouter(Resolver):
    """A router that fails."""

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Fail."""
        raise RuntimeError("broken")


@pytest.mark.parametrize("application", [broken_application, BrokenRouter()])
@on_loop
async def test_application_fails_before_it_is_awaited(
    application: ASGIApp, caplog: pytest.LogCaptureFixture
) -> None:
    """An application or router that fails at once is an application that failed."""
    peer = Peer(application)
    await peer.send(get())
    assert peer.response().status == 500
    assert "broken" in caplog.text


@on_loop
async def test_repr_tells_the_state() -> None:
    """What a debugger shows says whose response it is, and what is due."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/where"))
    assert "GET b'/where'" in repr(peer.handler)
    assert "http.response.start is due" in repr(peer.handler)
    with contextlib.suppress(OSError):
        await app.call.answer()
