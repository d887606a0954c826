"""Compressed messages on real WebSockets: what the client sees, what the application sees, what is held."""

import asyncio
import zlib
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.utils import apply_mask

from hybrid.bridge.types import Message, Receive, Scope, Send
from hybrid.server.ops.access_record import AccessRecord, WebSocketRecord
from hybrid.server.server import Server
from hybrid.server.websocket.deflated import DeflatedWebSocket
from hybrid.server.websocket.inbox import BACKLOG_BYTES
from tests.apps.wsgi_flask_sock import app as flask_app
from tests.support.embedded import client, on_each_loop, port_of, serving, until
from tests.support.http_peer import get
from tests.support.websocket_clients import HANDSHAKE, opening

KEY = b"\x11\xa2\x83\xf4"
OFFER = "permessage-deflate; client_no_context_takeover"


class Application:
    """Sends messages back, when it may, and keeps what it receives.

    Attributes:
        go: whether it may receive.
        scopes: of the calls.
        received: what has come.
        websocket: whose application it is, from the inside.
    """

    websocket: DeflatedWebSocket

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.go.set()
        self.scopes: list[Scope] = []
        self.received: list[Message] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket."""
        if scope["type"] != "websocket":
            raise NotImplementedError
        self.scopes.append(scope)
        self.websocket = send.__self__  # type: ignore[attr-defined]
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            await self.go.wait()
            self.received.append(await receive())
            if self.received[-1]["type"] == "websocket.disconnect":
                return
            with suppress(OSError):
                await send({**self.received[-1], "type": "websocket.send"})


def connecting(server: Server, **options: Any) -> connect:
    """Connect, and offer compression unless told otherwise."""
    return opening(port_of(server), "/echo", **{"compression": "deflate", "max_size": None, **options})


def handshake(extensions: str) -> bytes:
    """Write a handshake with an offer."""
    return get("/", *HANDSHAKE, f"Sec-WebSocket-Extensions: {extensions}")


def compressed(data: bytes) -> bytes:
    """Build a client's binary message, compressed on its own."""
    stream = zlib.compressobj(wbits=-15)
    payload = (stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]
    frame = bytearray(Frame(Opcode.BINARY, payload).serialize(mask=True))
    frame[0] |= 0x40
    return bytes(frame)


def answer_of(websocket: ClientConnection) -> str | None:
    """Return what the server has said to the offer."""
    assert websocket.response is not None
    return websocket.response.headers.get("Sec-WebSocket-Extensions")


MESSAGES: list[str | bytes] = ["", "short", "é" * 4000, b"", bytes(range(256)) * 40, b"x" * 200_000]


# What a client sees.


@pytest.mark.parametrize("server_forgets", [False, True])
@pytest.mark.parametrize("client_forgets", [False, True])
@pytest.mark.parametrize("server_bits", [None, 9, 15])
@pytest.mark.parametrize("client_bits", [None, True, 9, 15])
def test_every_offer(
    server_forgets: bool,
    client_forgets: bool,
    server_bits: int | None,
    client_bits: int | bool | None,
) -> None:
    """Whatever a client asks for, messages come back, a thousand times smaller where that is possible."""
    factory = ClientPerMessageDeflateFactory(
        server_no_context_takeover=server_forgets,
        client_no_context_takeover=client_forgets,
        server_max_window_bits=server_bits,
        client_max_window_bits=client_bits,
    )

    async def test() -> None:
        options: dict[str, Any] = {"extensions": [factory], "compression": None}
        async with (
            serving(Application()) as (server, _),
            connecting(server, **options) as websocket,
        ):
            assert answer_of(websocket) is not None
            for message in MESSAGES * 2:
                await websocket.send(message)
                assert await websocket.recv() == message
            await websocket.send([b"one " * 100, b"two " * 100])
            assert await websocket.recv() == b"one " * 100 + b"two " * 100

    asyncio.run(test())


@on_each_loop
async def test_off() -> None:
    """Without `ws_per_message_deflate` nothing is agreed on."""
    async with (
        serving(Application(), ws_per_message_deflate=False) as (server, _),
        connecting(server) as websocket,
    ):
        assert answer_of(websocket) is None
        await websocket.send("x" * 1000)
        assert await websocket.recv() == "x" * 1000


@on_each_loop
async def test_no_offer() -> None:
    """A client that offers nothing is sent nothing compressed."""
    async with serving(Application()) as (server, _), connecting(server, compression=None) as websocket:
        assert answer_of(websocket) is None
        await websocket.send("x" * 1000)
        assert await websocket.recv() == "x" * 1000


@on_each_loop
async def test_settings() -> None:
    """The window that is set is the one that is answered, in both directions."""
    async with (
        serving(Application(), ws_deflate_window_bits=10) as (server, _),
        connecting(server) as websocket,
    ):
        expected = "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10"
        assert answer_of(websocket) == expected


@pytest.mark.parametrize(
    "offer", ["permessage-deflate; x", "permessage-deflate; server_max_window_bits=8", "x"]
)
def test_declined(offer: str) -> None:
    """An offer that cannot be met is passed over; the WebSocket opens without it."""

    async def test() -> None:
        async with serving(Application()) as (server, _), client(server) as peer:
            peer.send(handshake(offer))
            head = await peer.read_until(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 ")
            assert b"sec-websocket-extensions" not in head.lower()

    asyncio.run(test())


@pytest.mark.parametrize("setting", [False, True])
@pytest.mark.parametrize("offer", ["", "permessage-deflate;", 'a; b="'])
def test_malformed(offer: str, setting: bool) -> None:
    """What is not a list of extensions is a bad request."""

    async def test() -> None:
        application = Application()
        async with (
            serving(application, ws_per_message_deflate=setting) as (server, _),
            client(server) as peer,
        ):
            peer.send(handshake(offer))
            assert (await peer.read_all()).startswith(b"HTTP/1.1 400 ")
            assert not application.scopes

    asyncio.run(test())


@on_each_loop
async def test_threshold() -> None:
    """A message of the threshold's size is compressed, a smaller one is not, on the wire."""
    async with serving(Application(), ws_deflate_threshold=50) as (server, _), client(server) as peer:
        peer.send(handshake(OFFER) + compressed(b"x" * 49) + compressed(b"x" * 50))
        await peer.read_until(b"\r\n\r\n")
        assert await peer.read_until(b"x" * 49) == b"\x82\x31" + b"x" * 49
        assert (await peer.read_until(b"\xc2"))[-1:] == b"\xc2"


@on_each_loop
async def test_messages_with_the_handshake() -> None:
    """Compressed messages may come in the same packet as the handshake."""
    application = Application()
    async with serving(application) as (server, _), client(server) as peer:
        peer.send(handshake(OFFER) + compressed(b"early"))
        assert (await peer.read_until(b"early")).endswith(b"\x82\x05early")


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (b"\xc2\x83" + KEY + apply_mask(b"\xff\xff\xff", KEY), 1007),
        (compressed(bytes(100_000)), 1009),
        (b"\xc9\x80" + KEY, 1002),
    ],
    ids=["broken", "bomb", "ping"],
)
def test_refused(frames: bytes, code: int) -> None:
    """Broken data is 1007, a bomb 1009, a control frame that says that it is compressed 1002."""

    async def test() -> None:
        application = Application()
        async with serving(application, ws_max_size=99_999) as (server, _), client(server) as peer:
            peer.send(handshake(OFFER) + frames)
            await peer.read_until(b"\r\n\r\n")
            assert (await peer.read_all())[2:4] == code.to_bytes(2, "big")
            await until(lambda: bool(application.received))
            assert application.received[0]["code"] == code

    asyncio.run(test())


@on_each_loop
async def test_application_that_takes_a_socket() -> None:
    """A WSGI application answers the offer itself, and gets the frames as they are."""
    async with serving(flask_app) as (server, _), connecting(server) as websocket:
        answer = answer_of(websocket)
        assert answer is not None
        assert "window_bits=12" not in answer
        for message in ("short", "long" * 1000):
            await websocket.send(message)
            assert await websocket.recv() == message


# What an application sees: nothing.


@on_each_loop
async def test_scope_and_messages() -> None:
    """The scope says nothing of it, and messages are as they were sent."""
    application = Application()
    async with serving(application) as (server, _), connecting(server) as websocket:
        await websocket.send("x" * 1000)
        await websocket.recv()
    assert not any("deflate" in name for name in application.scopes[0]["extensions"])
    assert application.received[0] == {"type": "websocket.receive", "text": "x" * 1000}


@on_each_loop
async def test_log() -> None:
    """The log counts messages and what is in them, however they came."""
    records: list[AccessRecord] = []
    async with (
        serving(Application(), access_logger=records.append) as (server, _),
        connecting(server) as websocket,
    ):
        for _ in range(3):
            await websocket.send("é" * 1000)
            await websocket.recv()
    record = records[-1]
    assert isinstance(record, WebSocketRecord)
    assert (record.messages_in, record.messages_out) == (3, 3)
    assert (record.bytes_in, record.bytes_out) == (6000, 6000)


@pytest.mark.parametrize("settings", [{"access_log": True}, {}], ids=["logged", "unlogged"])
def test_with_limits(settings: dict[str, Any]) -> None:
    """A WebSocket that is watched, logged or not, compresses as well."""

    async def test() -> None:
        application = Application()
        async with (
            serving(application, ws_idle_timeout=60.0, **settings) as (server, _),
            connecting(server) as websocket,
        ):
            await websocket.send("x" * 1000)
            assert await websocket.recv() == "x" * 1000
            assert "Guarded" in type(application.websocket).__name__

    asyncio.run(test())


# What a client can make us hold.


@on_each_loop
async def test_few_bytes_that_become_much() -> None:
    """While the application is busy, no more than a backlog is inflated; later all of it is, in order."""
    application = Application()
    async with serving(application) as (server, _), client(server) as peer:
        peer.send(handshake(OFFER))
        await peer.read_until(b"\r\n\r\n")
        application.go.clear()
        sizes = [150_000 + number for number in range(30)]
        peer.send(b"".join(compressed(bytes(size)) for size in sizes))
        await until(lambda: not application.websocket._connection.reading)
        waiting = list(application.websocket._inbox._messages)
        assert sum(map(len, waiting)) < BACKLOG_BYTES + 2 * sizes[-1]
        application.go.set()
        await until(lambda: len(application.received) == len(sizes))
        assert [len(message["bytes"]) for message in application.received] == sizes
        await until(lambda: application.websocket._connection.reading)


@on_each_loop
async def test_close_behind_it() -> None:
    """An application that closes instead of receiving them hears the client's answer at once."""

    async def closing(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        await send({"type": "websocket.close", "code": 3000})

    async with serving(closing) as (server, _), client(server) as peer:
        close = b"\x88\x82" + KEY + apply_mask((3000).to_bytes(2, "big"), KEY)
        peer.send(handshake(OFFER) + compressed(bytes(200_000)) * 20 + close)
        await peer.read_until(b"\r\n\r\n")
        assert await peer.read_all() == b"\x88\x02" + (3000).to_bytes(2, "big")


@on_each_loop
async def test_idle() -> None:
    """The compressor comes with some messages and goes when there are none; the client does not notice."""
    application = Application()
    async with serving(application) as (server, _), connecting(server) as websocket:
        for _ in range(2):
            while "idle" in repr(application.websocket._deflater):
                await websocket.send("x" * 1000)
                assert await websocket.recv() == "x" * 1000
            await until(lambda: "idle" in repr(application.websocket._deflater))


@on_each_loop
async def test_fragments_that_the_client_compresses() -> None:
    """Fragments, with a ping between them, are one message."""
    async with serving(Application()) as (server, _), client(server) as peer:
        peer.send(handshake("permessage-deflate"))
        await peer.read_until(b"\r\n\r\n")
        deflate = PerMessageDeflate(
            remote_no_context_takeover=False,
            local_no_context_takeover=False,
            remote_max_window_bits=12,
            local_max_window_bits=15,
        )
        frames = [
            Frame(Opcode.TEXT, b"one ", fin=False),
            Frame(Opcode.PING, b"p"),
            Frame(Opcode.CONT, b"two"),
        ]
        peer.send(b"".join(frame.serialize(mask=True, extensions=[deflate]) for frame in frames))
        assert await peer.read_until(b"two") == b"\x8a\x01p\x81\x07one two"
