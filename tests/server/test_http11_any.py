"""HTTP/1.1 on one connection in any pieces and any order of events."""

import asyncio
import contextlib
import tracemalloc
from collections.abc import Awaitable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.errors import ClientDisconnected, ProtocolError
from tests.support.http_apps import deaf, echo
from tests.support.http_peer import (
    IncompleteResponse,
    Peer,
    Puppet,
    on_loop,
    read_responses,
    request,
    settle,
)

# Any pieces.


METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE"])
BODIES = st.binary(max_size=40)


@st.composite
def pipelines(draw: st.DrawFn) -> tuple[list[tuple[str, bytes]], bytes]:
    """Draw some requests with their bodies, and the bytes in which they are sent."""
    requests: list[tuple[str, bytes]] = []
    data = b""
    for _ in range(draw(st.integers(1, 4))):
        method, body = draw(METHODS), draw(BODIES)
        requests.append((method, body))
        if draw(st.booleans()):
            sizes = draw(st.lists(st.integers(1, 10), max_size=5))
            data += request(method, "/", "Transfer-Encoding: chunked", body=chunked(body, sizes))
        else:
            data += request(method, "/", f"Content-Length: {len(body)}", body=body)
    return requests, data


def chunked(body: bytes, sizes: list[int]) -> bytes:
    """Write a body in chunks of these sizes, and one for the rest."""
    data = b""
    for size in [*sizes, len(body)]:
        chunk, body = body[:size], body[size:]
        if chunk:
            data += b"%x\r\n%b\r\n" % (len(chunk), chunk)
    return data + b"0\r\n\r\n"


@given(pipelines(), st.data())
def test_any_pieces(pipeline: tuple[list[tuple[str, bytes]], bytes], data: st.DataObject) -> None:
    """In whatever pieces valid requests come, the same responses come back, in order."""
    requests, raw = pipeline
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8), "cuts"))

    @on_loop
    async def run() -> None:
        peer = Peer(echo)
        for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
            await peer.send(raw[start:end])
        await peer.send(b"")
        responses = peer.responses(*(method for method, _ in requests))
        assert [response.body for response in responses] == [
            f"{method} / ".encode() + body for method, body in requests
        ]
        assert not peer.closed

    run()


@on_loop
async def test_memory_of_a_head_that_never_ends() -> None:
    """A client that sends a head without an end is refused before it has cost more than the limits."""
    peer = Peer(deaf)
    tracemalloc.start()
    try:
        for _ in range(10_000):
            peer.transport.receive(b"a" * 1000)
            if peer.closed:
                break
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert peer.response().status == 414


# Any order of events.

OFTEN = ("bytes", "bytes", "bytes", "start", "part", "end", "end", "receive", "return", "raise")
SELDOM = ("stop reading", "read on", "eof", "leave", "drain", "time", "much time")
STEPS = st.lists(st.sampled_from(OFTEN + SELDOM), max_size=40)


class Scenario:
    """A client, an application and a clock that do things in any order, as far as they could."""

    def __init__(self, raw: bytes, data: st.DataObject) -> None:
        self.app = Puppet()
        self.peer = Peer(self.app)
        self.raw = raw
        self.data = data
        self.eof = self.writing_stopped = False

    async def step(self, step: str) -> None:
        """Do one thing, if it is possible now."""
        peer = self.peer
        match step:
            case "bytes" if peer.transport.is_reading() and not self.eof:
                size = self.data.draw(st.integers(1, 100))
                piece, self.raw = self.raw[:size], self.raw[size:]
                await peer.send(piece)
            case "start" | "part" | "end" | "receive" | "return" | "raise" if self.app.calls:
                await self.act(step)
            case "stop reading" | "read on" if self.writing_stopped == (step == "read on"):
                self.writing_stopped = not self.writing_stopped
                if not peer.connection.closed:
                    await (peer.read_on() if step == "read on" else peer.stop_reading())
            case "eof" if peer.transport.is_reading() and not self.eof:
                self.eof = True
                await peer.send_eof()
            case "leave" if not peer.connection.closed:
                await peer.leave()
            case "drain":
                peer.context.draining = True
                peer.connection.drain()
            case "time" | "much time":
                peer.context.now += 1.0 if step == "time" else 100.0
                peer.connection.tick(peer.context.now)
        await settle()

    async def act(self, step: str) -> None:
        """Do something in the place of the application, in the latest call or the one before."""
        call = self.data.draw(st.sampled_from(self.app.calls[-2:]))
        with contextlib.suppress(ClientDisconnected, ProtocolError):
            match step:
                case "start":
                    await self.without_waiting(call.start())
                case "part" | "end":
                    await self.without_waiting(call.body(b"part", more=step == "part"))
                case "receive":
                    await self.without_waiting(call.receive())
                case "return" | "raise" if not call.end.done():
                    await call.finish(RuntimeError() if step == "raise" else None)

    async def without_waiting(self, call: Awaitable[Any]) -> None:
        """Let a call of the application come as far as it can."""
        task = asyncio.ensure_future(call)
        await settle()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def check(self) -> None:
        """See that what has been sent are responses, of which the last may be incomplete."""
        written = bytes(self.peer.transport.written)
        count = written.count(b"HTTP/1.1 ")
        with contextlib.suppress(IncompleteResponse):
            assert len(read_responses(written, *["GET"] * count)) == count if written else True
        if self.peer.connection.closed:
            assert not self.peer.context.connections


@given(pipelines(), STEPS, st.data())
def test_any_order_of_events(
    pipeline: tuple[list[tuple[str, bytes]], bytes], steps: list[str], data: st.DataObject
) -> None:
    """Whatever happens in whatever order: responses in their order and nothing else, and no error inside."""

    @on_loop
    async def run() -> None:
        scenario = Scenario(pipeline[1], data)
        for step in steps:
            await scenario.step(step)
            scenario.check()
        if not scenario.peer.connection.closed:
            await scenario.peer.leave()
        for call in scenario.app.calls:
            if not call.end.done():
                await call.finish()
        assert not scenario.peer.context.calls
        assert not scenario.peer.context.connections

    run()
