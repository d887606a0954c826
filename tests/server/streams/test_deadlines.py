"""Clients of HTTP/2 that are slow, and those that are silent: what the deadlines tell apart."""

from functools import partial

import pytest

from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server.http2 import Http2
from tests.apps import patient
from tests.support.http2_clock import Clock
from tests.support.http2_frames import END_STREAM, Frame, Kind, settings
from tests.support.http2_raw import raw_http2
from tests.support.http2_servers import part, serving, start
from tests.support.http2_sessions import data, window_update
from tests.support.waiting import until

INITIAL_WINDOW_SIZE = 4
#: Seconds of a deadline. It is over after one more, by which the server's time may lag.
SECONDS = 3


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the server's time."""
    return Clock(monkeypatch)


def kinds_of(frames: list[Frame]) -> set[int]:
    """Return what kinds of frames there are."""
    return {each.kind for each in frames}


def has_come(protocol: Http2, size: int) -> bool:
    """Tell whether so much of a frame on stream 1 is here."""
    return protocol.session.arriving(1) == size


def test_pings_do_not_keep_a_connection(clock: Clock) -> None:
    """It is idle without a request for so long, and told so with GOAWAY, however often its client pings."""
    with serving(patient.app, timeout_keep_alive=SECONDS) as server, raw_http2(server) as client:
        client.greet()
        client.send(client.request(1))
        client.status_of(1)
        for _ in range(SECONDS):
            assert Kind.GOAWAY not in kinds_of(client.ping())
            clock.passes()
        assert Kind.GOAWAY not in kinds_of(client.ping())
        clock.passes(1.1)
        (goaway,) = (each for each in client.read_to_end() if each.kind == Kind.GOAWAY)
        assert (goaway.code, goaway.last_stream) == (0, 1)


def test_slow_body_beside_a_silent_one(clock: Clock) -> None:
    """The silent one is answered 408, and reset when its client still does not end it; a slow one goes on."""
    options = {"timeout_body": SECONDS, "timeout_body_rate": 1}
    with serving(patient.app, **options) as server, raw_http2(server) as client:
        client.greet()
        client.send(*(client.request(each, method="POST", ends=False) for each in (1, 3)))
        frames: list[Frame] = []
        for _ in range(SECONDS + 2):
            client.send(data(3, b"x"))
            frames += client.ping()
            clock.passes()
        frames += client.ping()
        assert {each.stream for each in frames if each.kind == Kind.HEADERS} == {1}
        clock.passes(2.1)
        assert client.reset_of(1) == 0
        client.send(data(3, b"x", ends=True))
        assert client.status_of(3) == 200


def test_slow_frame_is_not_silence(clock: Clock) -> None:
    """A frame may take longer than a body may be silent, as long as something of it comes."""
    options = {"timeout_body": SECONDS, "timeout_body_rate": 1}
    with serving(patient.app, **options) as server, raw_http2(server) as client:
        client.greet()
        client.send(client.request(1, method="POST", ends=False))
        client.ping()
        (connection,) = clock.context.connections
        protocol = connection.transport.get_protocol()  # type: ignore[attr-defined] # of the one connection
        assert isinstance(protocol, Http2)
        size = 3 * SECONDS
        frame = data(1, b"x" * size, ends=True)
        head = len(frame) - size
        client.send(frame[:head])
        for sent in range(1, size):
            client.send(frame[head + sent - 1 : head + sent])
            until(partial(has_come, protocol, sent))
            clock.passes()
        client.send(frame[-1:])
        assert client.status_of(1) == 200


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a megabyte."""
    await start(send)
    await part(send, bytes(1 << 20))


def test_response_that_waits_for_its_turn_is_not_given_up(clock: Clock) -> None:
    """While the client takes another one first, slowly, and leaves no room for more."""
    with serving(large, timeout_write=SECONDS) as server, raw_http2(server) as client:
        client.greet({INITIAL_WINDOW_SIZE: 1 << 30})
        client.send(*(client.request(each) for each in (1, 3)))
        frames: list[Frame] = []
        for _ in range(3 * SECONDS):
            client.send(window_update(0, 4096))
            frames += client.ping()
            clock.passes()
        assert Kind.RST_STREAM not in kinds_of(frames)
        assert {each.stream for each in frames if each.kind == Kind.DATA} == {1}
        client.send(window_update(0, 1 << 22))
        client.read_until(lambda each: each.stream == 3 and each.flags & END_STREAM)


@pytest.mark.parametrize("window", ["stream", "connection"])
def test_window_that_stays_closed(clock: Clock, window: str) -> None:
    """A response of which its client takes nothing is given up: whether it is its own window that is closed,
    or the connection's.
    """
    with serving(large, timeout_write=SECONDS) as server, raw_http2(server) as client:
        client.greet({INITIAL_WINDOW_SIZE: 0 if window == "stream" else 1 << 30})
        client.send(client.request(1))
        client.read_until(lambda each: each.kind == Kind.HEADERS)
        for _ in range(SECONDS + 1):
            assert Kind.RST_STREAM not in kinds_of(client.ping())
            clock.passes()
        clock.passes()
        assert client.reset_of(1) in {2, 8}
        client.send(settings((INITIAL_WINDOW_SIZE, 1 << 30)))
        client.ping()


def test_crumbs(clock: Clock) -> None:
    """A client that takes its response byte by byte gets some hundreds of them (CVE-2019-9511): who is slow
    gets more, which here nobody is.
    """
    with serving(large) as server, raw_http2(server) as client:
        client.greet({INITIAL_WINDOW_SIZE: 1})
        client.send(client.request(1))
        crumbs = 0
        while client.read_until(lambda each: each.kind in {Kind.DATA, Kind.GOAWAY})[-1].kind == Kind.DATA:
            crumbs += 1
            client.send(window_update(1, 1))
        assert 300 < crumbs < 350
