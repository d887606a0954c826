"""Whose fault it is that a body does not come, without a clock."""

import asyncio
from collections.abc import Iterator

import pytest

from hybrid.server.body_watch import BodyWatch
from hybrid.server.config import Config
from tests.support.http_peer import Peer, Puppet, on_loop, request, settle

SILENT = "the request body did not go on in time"
SLOW = "the request body comes too slowly"


def watch(position: int = 0, **settings: float) -> BodyWatch:
    """Make a watch of a body at the time 100, with a time-out of 10 s and 100 bytes a second."""
    settings = {"timeout_body": 10, "timeout_body_rate": 100, **settings}
    return BodyWatch(Config(app="app", **settings), 100, position)  # type: ignore[arg-type]


def complaints(
    made: BodyWatch, step: int, seconds: float = 1, *, due: bool = True, since: float = 100, position: int = 0
) -> Iterator[str]:
    """Look once in so many seconds at a body that grows by so many bytes meanwhile, for a minute."""
    for number in range(1, int(60 / seconds)):
        yield made.complaint(since + number * seconds, position + number * step, due=due)


def first(found: Iterator[str]) -> tuple[int, str] | None:
    """Return the first complaint, and after which look."""
    return next(((number, text) for number, text in enumerate(found, start=1) if text), None)


def test_silence() -> None:
    """A body that does not grow is complained about when the time-out has passed, not before."""
    assert first(complaints(watch(), 0)) == (10, SILENT)


@pytest.mark.parametrize(("rate", "seconds"), [(1, 11), (50, 20), (90, None), (100, None), (1000, None)])
def test_slowness(rate: int, seconds: int | None) -> None:
    """A slow body is allowed the time-out and what it takes at the least rate, in all."""
    assert first(complaints(watch(), rate)) == (seconds and (seconds, SLOW))


def test_what_had_come_before() -> None:
    """What came before the first look wins no time, as that time does not count either."""
    assert first(complaints(watch(1_000_000), 1, position=1_000_000)) == (11, SLOW)


def test_no_time_out() -> None:
    """0 is no time-out at all; without a rate only silence counts."""
    assert first(complaints(watch(timeout_body=0), 0)) is None
    assert first(complaints(watch(timeout_body_rate=0), 1)) is None
    assert first(complaints(watch(timeout_body_rate=0), 0)) == (10, SILENT)


def test_not_the_client_s_turn() -> None:
    """While something else lets the client wait, no time passes for it."""
    made = watch()
    assert first(complaints(made, 0, due=False)) is None
    assert first(complaints(made, 0, since=159)) == (10, SILENT)


def test_loop_that_was_held_up() -> None:
    """A look that comes late counts as two seconds: the loop has not read what has come meanwhile."""
    assert first(complaints(watch(timeout_body=5), 0, seconds=20)) is None
    assert first(complaints(watch(timeout_body=4), 0, seconds=20)) == (2, SILENT)


async def look_for(peer: Peer, seconds: int) -> None:
    """Let so many seconds pass, with a look in each."""
    for _ in range(seconds):
        await peer.pass_time(1)
        peer.context.now += 1


@on_loop
async def test_late_body() -> None:
    """A body that does not come is answered 408 after the time-out, and the application is told."""
    app = Puppet()
    peer = Peer(app, timeout_body=5)
    await peer.send(request("POST", "/", "Content-Length: 9", body=b"some"))
    await look_for(peer, 5)
    assert not peer.transport.take()
    await look_for(peer, 6)
    assert peer.response().status == 408
    assert peer.closed
    assert [message["type"] for message in await app.call.receive_all()] == [
        "http.request",
        "http.disconnect",
    ]
    await app.call.finish()


@on_loop
async def test_next_body_on_the_connection() -> None:
    """Each body has its time."""
    app = Puppet()
    peer = Peer(app, timeout_body=5)
    for _ in range(3):
        await peer.send(request("POST", "/", "Content-Length: 4", body=b"so"))
        await look_for(peer, 4)
        await peer.send(b"me")
        await look_for(peer, 9)  # the application may take as long as it likes
        await app.call.answer()
        assert peer.response().status == 200


@on_loop
async def test_body_that_nobody_wants() -> None:
    """The rest of a body whose request is answered already is another time-out's matter."""
    app = Puppet()
    peer = Peer(app, timeout_body=5, timeout_keep_alive=60)
    await peer.send(request("POST", "/", "Content-Length: 9", body=b"some"))
    await look_for(peer, 3)
    await app.call.answer()
    await look_for(peer, 20)
    assert peer.response().status == 200
    await peer.send(b"more!" + request("POST", "/", "Content-Length: 9", body=b"some"))
    await look_for(peer, 4)
    assert not peer.transport.take()
    await app.call.answer()


@on_loop
async def test_application_that_does_not_read() -> None:
    """While nothing is read from the socket, since the application has more than it takes, no time passes."""
    app = Puppet()
    peer = Peer(app, timeout_body=5)
    size = 200_000
    await peer.send(request("POST", "/", f"Content-Length: {size}", body=b"x" * (size // 2)))
    assert not peer.transport.is_reading()
    await look_for(peer, 30)
    assert not peer.transport.take()
    await app.call.receive()
    await look_for(peer, 6)
    assert peer.response().status == 408
    await app.call.finish()


@on_loop
async def test_client_that_waits_for_the_application() -> None:
    """A client that waits for `100 Continue` has time until it is told so, or has the response instead."""
    app = Puppet()
    fields = ("Content-Length: 9", "Expect: 100-continue")
    peer = Peer(app, timeout_body=5)
    await peer.send(request("POST", "/", *fields))
    await look_for(peer, 30)
    assert not peer.transport.take()
    receiving = asyncio.ensure_future(app.call.receive())
    await settle()
    assert peer.transport.take() == b"HTTP/1.1 100 Continue\r\n\r\n"
    await look_for(peer, 6)
    assert peer.response().status == 408
    assert (await receiving)["type"] == "http.disconnect"
    await app.call.finish()


@on_loop
async def test_client_that_has_been_answered_instead() -> None:
    """Who gets a response without having been told to go on must make up its mind, and not keep it open."""
    app = Puppet()
    peer = Peer(app, timeout_body=5)
    await peer.send(request("POST", "/", "Content-Length: 9", "Expect: 100-continue"))
    await app.call.start()
    await app.call.body(b"part", more=True)
    await look_for(peer, 6)
    assert peer.transport.aborted
    await app.call.finish()
