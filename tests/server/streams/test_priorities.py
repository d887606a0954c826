"""Which of the responses of a connection is sent first (RFC 9218)."""

import asyncio
from collections import Counter

from hpack import Encoder

from hybrid.bridge.types import Receive, Scope, Send
from tests.support.embedded import DEADLINE, on_each_loop, port_of, serving
from tests.support.http2_frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PREFACE,
    FrameReader,
    Kind,
    frame,
    number,
    settings,
)

INITIAL_WINDOW_SIZE = 4
BODY = b"x" * 500_000


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a large body."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": BODY})


class Client:
    """A client whose connection's window is what holds responses up; those of its streams are large."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._encoder = Encoder()
        self._frames = FrameReader()
        self.heads: set[int] = set()
        writer.write(PREFACE + settings((INITIAL_WINDOW_SIZE, 1_000_000)) + frame(Kind.SETTINGS, flags=ACK))

    def request(self, stream: int, priority: str) -> None:
        """Send a request."""
        head = [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/")]
        block = self._encoder.encode([*head, ("priority", priority)])
        self.writer.write(frame(Kind.HEADERS, block, stream=stream, flags=END_HEADERS | END_STREAM))

    def update(self, stream: int, priority: bytes) -> None:
        """Say that a response has become more urgent, or less."""
        self.writer.write(frame(Kind.PRIORITY_UPDATE, number(stream) + priority))

    async def read(self, size: int) -> Counter[int]:
        """Read so many bytes of bodies, and the heads before them; tell of which streams they were."""
        sizes: Counter[int] = Counter()
        while sizes.total() < size:
            for each in self._frames.feed(await asyncio.wait_for(self._reader.read(65536), DEADLINE)):
                if each.kind == Kind.HEADERS:
                    self.heads.add(each.stream)
                elif each.kind == Kind.DATA:
                    sizes[each.stream] += len(each.payload)
        return sizes

    async def grant(self, size: int) -> Counter[int]:
        """Let the server send so many bytes more, and read them."""
        self.writer.write(frame(Kind.WINDOW_UPDATE, number(size)))
        return await self.read(size)


@on_each_loop
async def test_what_is_urgent_goes_first() -> None:
    """What the connection's window lets through belongs to the most urgent response, to one after the other
    of equally urgent ones, and to all of those that are incremental.
    """
    async with serving(app, http="auto", http2_cleartext=True, lifespan="off") as (server, _):
        client = Client(*await asyncio.open_connection("127.0.0.1", port_of(server)))
        for stream, priority in ((1, "u=5"), (3, "u=2"), (5, "u=2"), (7, "u=4, i"), (9, "u=4, i")):
            client.request(stream, priority)
        await client.read(65535)
        assert client.heads == {1, 3, 5, 7, 9}

        assert await client.grant(50_000) == {3: 50_000}

        client.update(5, b"u=1")
        assert await client.grant(50_000) == {5: 50_000}

        client.update(3, b"u=6")
        client.update(5, b"u=6")
        assert await client.grant(16384 * 4) == {7: 16384 * 2, 9: 16384 * 2}
        client.writer.transport.abort()
