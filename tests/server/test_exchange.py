"""One request and its response as an application sees them: the scope, receiving, sending."""

import asyncio

import pytest

from hybrid.bridge.errors import ClientDisconnected, ProtocolError
from hybrid.server.exchange import BODY_HIGH_WATER
from tests.support.http_peer import Peer, Puppet, get, on_loop, request, settle, start_waiting, started

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
    app, peer = await started()
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
    app, peer = await started()
    await app.call.body(b"a", more=True)
    await peer.leave()
    with pytest.raises(OSError, match="the client has left"):
        await app.call.body(b"b")
    await app.call.finish()


@on_loop
async def test_send_waits_for_a_slow_client() -> None:
    """While the client reads too slowly the application waits in `send`."""
    app, peer = await started()
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
    app, peer = await started()
    await peer.stop_reading()
    sending = [await start_waiting(app.call.body(part, more=True)) for part in (b"a", b"b")]
    assert not any(task.done() for task in sending)
    await peer.read_on()
    assert all(task.done() for task in sending)
    await app.call.body()
    assert peer.response().body == b"ab"
    await app.call.finish()


@on_loop
async def test_sends_that_are_given_up() -> None:
    """A part whose `send` is given up while the client does not read is not kept for it: an application that
    goes on to the next one each time would fill the memory.
    """
    app, peer = await started()
    await peer.stop_reading()
    for _ in range(100):
        sending = await start_waiting(app.call.body(b"a", more=True))
        sending.cancel()
        await asyncio.wait({sending})
    assert peer.transport.take() == b""
    sending = await start_waiting(app.call.body(b"more", more=True))
    await peer.read_on()
    await sending
    await app.call.body(b"last")
    assert peer.response().body == b"morelast"
    await app.call.finish()


@on_loop
async def test_another_task_ends_the_response() -> None:
    """A part that still waited for the client to read is none of it any more."""
    app, peer = await started()
    await peer.stop_reading()
    late = await start_waiting(app.call.body(b"late", more=True))
    await app.call.body(b"end")
    await peer.read_on()
    with pytest.raises(ProtocolError, match="the response is complete"):
        await late
    await app.call.finish()
    assert peer.response().body == b"end"


@on_loop
async def test_client_leaves_while_the_application_waits_in_send() -> None:
    """An application that waits for a slow client is told when that leaves."""
    app, peer = await started()
    await peer.stop_reading()
    sending = await start_waiting(app.call.body(b"a", more=True))
    await peer.leave()
    with pytest.raises(OSError, match="the client has left"):
        await sending
    await app.call.finish()


@on_loop
async def test_application_that_only_sends_to_a_client_that_left() -> None:
    """An application that waits for nothing else is told although the loop has had no turn to tell it."""
    app, peer = await started()
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
