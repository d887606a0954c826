"""What a server that logs accesses knows of each request and WebSocket when it is over."""

import asyncio
import re
from typing import Any

import pytest

from hybrid.server.logged.websocket import LoggedWebSocket
from hybrid.server.ops.access_record import AccessRecord, WebSocketRecord
from hybrid.server.upgrade import upgrade
from hybrid.server.wire.http11 import Request
from tests.apps import hello_asgi
from tests.server.test_threaded import Workers, on_thread
from tests.support.http_peer import Peer, Puppet, get, on_loop, request, settle

HEAD = [(b"content-type", b"text/plain")]


def watched(application: Any, **settings: Any) -> tuple[Peer, list[AccessRecord]]:
    """Connect a client, and give the records of what it asks for."""
    records: list[AccessRecord] = []
    return Peer(application, access_logger=records.append, **settings), records


class TestLoop:
    """Applications on the loop."""

    @on_loop
    async def test_whole(self) -> None:
        """A response is logged when it is complete, with its head as it was sent and the size of its body."""
        app = Puppet()
        peer, records = watched(app)
        await peer.send(request("POST", "/a%20b?c", "Content-Length: 2", body=b"xy"))
        assert not records
        await app.call.answer(b"Hello", 201, HEAD)
        (record,) = records
        assert (record.status, record.reason, record.body_bytes, record.complete) == (201, "Created", 5, True)
        assert record.response_headers[0] == (b"content-type", b"text/plain")
        assert {name for name, _ in record.response_headers} == {
            *(b"content-type", b"content-length", b"date", b"server")
        }
        assert (record.method, record.target, record.client) == ("POST", "/a%20b?c", ("192.0.2.1", 50000))
        assert 0 < record.duration < 60
        assert record.queue_time is None
        assert record.scope is app.call.scope
        assert record.environ_variables()["PATH_INFO"] == "/a b"

    @on_loop
    async def test_parts(self) -> None:
        """Of a body in parts the bytes count that the application sent, without their coding."""
        app = Puppet()
        peer, records = watched(app)
        await peer.send(get())
        await app.call.start()
        await app.call.body(b"one", more=True)
        await app.call.body(b"", more=True)
        await app.call.body(b"three")
        assert records[0].body_bytes == 8
        assert records[0].response_header("transfer-encoding") == "chunked"

    @pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304), ("GET", 204)])
    @on_loop
    async def test_no_body(self, method: str, status: int) -> None:
        """A response without a body has no bytes, whatever the application sends."""
        app = Puppet()
        peer, records = watched(app)
        await peer.send(request(method, "/"))
        await app.call.answer(b"Hello" if method == "HEAD" else b"", status)
        assert (records[0].status, records[0].body_bytes) == (status, 0)

    @on_loop
    async def test_failure(self) -> None:
        """What the server answers in the application's place is logged like any answer."""
        app = Puppet()
        peer, records = watched(app)
        await peer.send(get())
        await app.call.finish(ValueError("it fails"))
        (record,) = records
        assert (record.status, record.body_bytes) == (500, len("Internal Server Error"))
        assert record.response_header("connection") == "close"

    @on_loop
    async def test_client_leaves(self) -> None:
        """A client that leaves before there is a response is logged then, as 499."""
        app = Puppet()
        peer, records = watched(app)
        await peer.send(get())
        await app.call.start()
        await peer.leave()
        (record,) = records
        assert (record.status, record.complete, record.reason) == (499, False, "")
        await app.call.finish()
        assert len(records) == 1

    @on_loop
    async def test_client_leaves_in_the_middle(self) -> None:
        """Once the response has begun its status counts, and the record says that it is not complete."""
        app = Puppet()
        peer, records = watched(app)
        await peer.send(get())
        await app.call.start(200, HEAD)
        await app.call.body(b"one", more=True)
        await peer.leave()
        (record,) = records
        assert (record.status, record.body_bytes, record.complete) == (200, 3, False)
        await app.call.finish()

    @on_loop
    async def test_application_fails_in_the_middle(self) -> None:
        """The same when it is the application that ends."""
        app = Puppet()
        peer, records = watched(app)
        await peer.send(get())
        await app.call.start()
        await app.call.body(b"one", more=True)
        await app.call.finish(ValueError("it fails"))
        await peer.leave()
        assert [(record.status, record.complete) for record in records] == [(200, False)]

    @on_loop
    async def test_pipelined(self) -> None:
        """Requests that come together are logged each, in order."""
        peer, records = watched(hello_asgi.app)
        await peer.send(get("/1") + get("/2") + get("/3"))
        assert [record.target for record in records] == ["/1", "/2", "/3"]

    @on_loop
    async def test_no_log(self) -> None:
        """Without an access log the exchanges are those that know nothing of one."""
        app = Puppet()
        peer = Peer(app, access_log=False)
        await peer.send(get())
        assert type(peer.handler._exchange).__name__ == "Exchange"


class TestRefused:
    """Requests that no application sees."""

    @pytest.mark.parametrize(
        ("data", "status", "line"),
        [
            (b"GET /\x1b HTTP/1.1\r\nHost: x\r\n\r\n", 400, "GET /\x1b HTTP/1.1"),
            (b"GET / HTTP/1.1\r\n\r\n", 400, "GET / HTTP/1.1"),
            (b"GET /x HTTP/2.0\r\nHost: x\r\n\r\n", 505, "GET /x HTTP/2.0"),
            (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501, "CONNECT x:1 HTTP/1.1"),
            (b"GET /" + b"x" * 9000, 414, "GET /" + "x" * 1019),
            (b"GET / HTTP/1.1\r\nA: " + b"x" * 9000 + b"\r\n\r\n", 431, "GET / HTTP/1.1"),
            (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", 413, "POST / HTTP/1.1"),
        ],
    )
    @pytest.mark.parametrize("whole", [True, False])
    @on_loop
    async def test_head(self, data: bytes, status: int, line: str, whole: bool) -> None:
        """A head that is refused is logged with its first line, however it came."""
        peer, records = watched(hello_asgi.app, limit_request_body=8)
        for part in [data] if whole else [data[:3], data[3:]]:
            await peer.send(part)
        (record,) = records
        assert (record.status, record.request_line) == (status, line)
        readable = re.fullmatch(r"([A-Z]+) (/[!-~]*|x:1) HTTP/1\.1", line)
        assert (record.method, record.path) == (readable.groups() if readable else (None, ""))
        assert record.body_bytes > 0
        assert record.client == ("192.0.2.1", 50000)

    @on_loop
    async def test_second_request(self) -> None:
        """What is refused after a good request is logged too, once."""
        peer, records = watched(hello_asgi.app)
        await peer.send(get("/1") + b"BAD\r\n\r\n")
        assert [(record.status, record.request_line) for record in records] == [
            (200, "GET /1 HTTP/1.1"),
            (400, "BAD"),
        ]

    @on_loop
    async def test_late(self) -> None:
        """A head that does not come in time is logged with what there is of it."""
        peer, records = watched(hello_asgi.app, timeout_headers=1)
        await peer.send(b"GET /slow HT")
        await peer.pass_time(10)
        assert [(record.status, record.request_line) for record in records] == [(408, "GET /slow HT")]

    @on_loop
    async def test_body(self) -> None:
        """A body that is refused is that of a request, which is logged once."""
        app = Puppet()
        peer, records = watched(app)
        await peer.send(get("/up", "Transfer-Encoding: chunked") + b"nonsense\r\n")
        assert [(record.status, record.target) for record in records] == [(400, "/up")]
        await app.call.finish()
        assert len(records) == 1

    @on_loop
    async def test_handshake(self) -> None:
        """A handshake that is refused is logged as what it is, a request."""
        peer, records = watched(hello_asgi.app)
        await peer.send(get("/ws", "Connection: upgrade", "Upgrade: websocket"))
        assert [(record.status, record.target) for record in records] == [(400, "/ws")]

    @on_loop
    async def test_handshake_while_stopping(self) -> None:
        """So is one that comes too late for a server that stops."""
        peer, records = watched(Puppet())
        peer.context.draining = True
        upgrade(peer.connection, handshake(), b"", LoggedWebSocket)
        assert [(record.status, record.event.value) for record in records] == [(503, "request")]
        assert peer.transport.written.startswith(b"HTTP/1.1 503 ")


class TestThreads:
    """Applications on threads."""

    @on_loop
    async def test_whole(self) -> None:
        """A response in one part is logged with its head and its size, which no encoder has seen."""
        workers = Workers()
        peer, records = watched(workers)
        await peer.send(get("/1"))
        exchange = workers.exchange
        exchange.start(200, "Fine", HEAD)
        await on_thread(exchange.finish, b"Hello")
        (record,) = records
        assert (record.status, record.reason, record.body_bytes) == (200, "Fine", 5)
        assert record.response_header("content-length") == "5"

    @on_loop
    async def test_client_leaves(self) -> None:
        """A client that leaves is logged then, though its application goes on."""
        workers = Workers()
        peer, records = watched(workers)
        await peer.send(get("/1"))
        await peer.leave()
        assert [(record.status, record.complete) for record in records] == [(499, False)]

    @on_loop
    async def test_refused_in_its_place(self) -> None:
        """What is answered in the place of an application is logged, and what that writes later is not."""
        workers = Workers()
        peer, records = watched(workers)
        await peer.send(get("/1"))
        workers.exchange.reject(504, "Gateway Timeout", [])
        await settle()
        assert [(record.status, record.body_bytes) for record in records] == [(504, 15)]


class TestGate:
    """Both at once: the log, and a bound on how many requests are answered at a time."""

    @on_loop
    async def test_on_the_loop(self) -> None:
        """A request that passes the gate is logged when it has been answered, and then has left."""
        app = Puppet()
        peer, records = watched(app, limit_concurrency=1, limit_concurrency_queue=0)
        await peer.send(get("/1"))
        gate = peer.context.gate
        assert gate is not None
        assert gate.inside == 1
        await app.call.answer(b"Hello")
        assert [(record.status, record.body_bytes) for record in records] == [(200, 5)]
        assert gate.inside == 0

    @on_loop
    async def test_on_threads(self) -> None:
        """The gate comes before the threads, with the log too."""
        workers = Workers()
        peer, records = watched(workers, limit_concurrency=1)
        await peer.send(get("/1"))
        gate = peer.context.gate
        assert gate is not None
        assert gate.inside == 1
        exchange = workers.exchange
        exchange.start(200, "OK", [])
        await on_thread(exchange.finish, b"Hello")
        assert [(record.status, record.body_bytes) for record in records] == [(200, 5)]
        assert gate.inside == 0

    @pytest.mark.parametrize("gated", [True, False])
    @pytest.mark.parametrize("logged", [True, False])
    @on_loop
    async def test_streamed(self, gated: bool, logged: bool) -> None:
        """A body that is read as it comes passes both, or one of them, or neither."""
        workers = Workers(stream=True)
        records: list[AccessRecord] = []
        settings: dict[str, Any] = {"access_logger": records.append} if logged else {}
        peer = Peer(workers, limit_concurrency=1 if gated else 0, **settings)
        await peer.send(request("POST", "/", "Content-Length: 4", body=b"ab"))
        exchange = workers.exchange
        assert (peer.context.gate is not None) is gated
        await peer.send(b"cd")
        exchange.start(200, "OK", [])
        await on_thread(exchange.finish, b"Hello")
        assert [(record.status, record.body_bytes) for record in records] == [(200, 5)] * logged
        assert peer.response("POST").body == b"Hello"


def handshake() -> Request:
    """Give a handshake that HTTP has read."""
    fields = [
        (b"host", b"x"),
        (b"connection", b"upgrade"),
        (b"upgrade", b"websocket"),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    return Request("GET", b"/ws?x", "1.1", fields)


def masked(opcode: int, payload: bytes) -> bytes:
    """Write a frame as clients do, with a mask of zeros."""
    return bytes((0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0)) + payload


class TestWebSocket:
    """WebSockets on the loop."""

    @staticmethod
    async def opened(app: Puppet) -> tuple[Peer, list[AccessRecord]]:
        """Open one."""
        peer, records = watched(app)
        upgrade(peer.connection, handshake(), b"", LoggedWebSocket)
        await settle()
        await app.call.send({"type": "websocket.accept"})
        return peer, records

    @on_loop
    async def test_open_and_close(self) -> None:
        """It is logged when it opens, and when the client has closed it, with what it has carried."""
        app = Puppet()
        peer, records = await self.opened(app)
        (opening,) = records
        assert (opening.event.value, opening.status, opening.method) == ("websocket.open", 101, "GET")
        assert opening.response_header("upgrade") == "websocket"
        await app.call.send({"type": "websocket.send", "text": "äöü"})
        await app.call.send({"type": "websocket.send", "bytes": b"12"})
        await peer.send(masked(1, "ß".encode()) + masked(9, b"ping") + masked(2, b"123"))
        await peer.send(masked(8, b"\x0f\xa1why"))
        closing = records[1]
        assert isinstance(closing, WebSocketRecord)
        assert closing.event.value == "websocket.close"
        assert (closing.close_code, closing.close_reason, closing.closed_by) == (4001, "why", "client")
        assert (closing.messages_in, closing.bytes_in) == (2, 5)
        assert (closing.messages_out, closing.bytes_out) == (2, 8)
        assert closing.duration >= opening.duration
        assert str(closing).startswith('192.0.2.1:50000 - "WebSocket /ws?x" closed 4001 "why" ')
        assert str(closing).endswith(" in 2/5 out 2/8")
        assert isinstance(opening, WebSocketRecord)
        assert opening.close_code is None  # whoever keeps it has it as it was
        await app.call.finish()
        await peer.leave()
        assert len(records) == 2

    @on_loop
    async def test_server_closes(self) -> None:
        """What the application closes with counts, not what the client answers."""
        app = Puppet()
        peer, records = await self.opened(app)
        await app.call.send({"type": "websocket.close", "code": 4002, "reason": "so\n"})
        assert len(records) == 1
        await peer.send(masked(8, b"\x03\xe8"))
        closing = records[1]
        assert isinstance(closing, WebSocketRecord)
        assert (closing.close_code, closing.close_reason, closing.closed_by) == (4002, "so\n", "server")
        assert ' closed 4002 "so\\n" ' in str(closing)

    @on_loop
    async def test_client_breaks_the_protocol(self) -> None:
        """What the server fails the connection with counts."""
        peer, records = await self.opened(Puppet())
        await peer.send(b"\xff\xff")
        closing = records[1]
        assert isinstance(closing, WebSocketRecord)
        assert (closing.close_code, closing.closed_by) == (1002, "server")

    @on_loop
    async def test_client_vanishes(self) -> None:
        """A client that leaves without a word is 1006."""
        peer, records = await self.opened(Puppet())
        await peer.leave()
        closing = records[1]
        assert isinstance(closing, WebSocketRecord)
        assert (closing.close_code, closing.closed_by) == (1006, "")

    @pytest.mark.parametrize("way", ["close", "response", "leave"])
    @on_loop
    async def test_refused(self, way: str) -> None:
        """One that never opens is one record, with the response that refuses it."""
        app = Puppet()
        peer, records = watched(app)
        upgrade(peer.connection, handshake(), b"", LoggedWebSocket)
        await settle()
        if way == "close":
            await app.call.send({"type": "websocket.close"})
        elif way == "response":
            await app.call.send({"type": "websocket.http.response.start", "status": 401, "headers": HEAD})
            await app.call.send({"type": "websocket.http.response.body", "body": b"no"})
        else:
            await peer.leave()
        (record,) = records
        wanted = {"close": (403, 9, True), "response": (401, 2, True), "leave": (499, 0, False)}
        assert (record.status, record.body_bytes, record.complete) == wanted[way]
        assert record.event.value == "request"
        await app.call.finish()
        await asyncio.sleep(0)
        assert len(records) == 1
