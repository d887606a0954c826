"""The two steps in which a server that stops leaves its connections (RFC 9113 section 6.8)."""

import asyncio
from typing import NamedTuple

import pytest

from tests.apps import stopping
from tests.support.embedded import on_each_loop, port_of, serving
from tests.support.http2_frames import Frame, Kind
from tests.support.http2_raw import raw_http2

#: Seconds between the two: more than a busy machine keeps a client waiting.
PATIENCE = 3.0


class Port(NamedTuple):
    """Where a server of this process listens."""

    port: int


def is_goaway(frame: Frame) -> bool:
    """Look for GOAWAY."""
    return frame.kind == Kind.GOAWAY


@on_each_loop
async def test_drain_takes_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """First a warning; requests that were on their way are served. Then the last stream is said, and what
    comes later is not looked at; all that was taken is answered, and the connection closes.
    """
    monkeypatch.setattr("hybrid.server.http2.PATIENCE", PATIENCE)

    def visitor() -> None:
        with raw_http2(Port(port_of(server))) as client:
            client.greet()
            client.send(client.request(1, path="/late"))
            client.ping()
            server.should_exit = True
            frames = client.read_until(is_goaway)
            client.send(client.request(3))
            frames += client.read_to_end()
        goaways = [(each.last_stream, each.code) for each in frames if is_goaway(each)]
        assert goaways == [((1 << 31) - 1, 0), (3, 0)]
        bodies = {each.stream: each.payload for each in frames if each.kind == Kind.DATA and each.payload}
        assert bodies == {1: b"late", 3: b"hello"}

    async with serving(stopping.app, http2_cleartext=True, lifespan="off") as (server, task):
        await asyncio.to_thread(visitor)
        await task
