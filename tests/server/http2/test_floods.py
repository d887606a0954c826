"""Clients of HTTP/2 that cost much more than they pay, against a real process: how far each one comes.

What is counted, and that clients which mean well are not, is tested with the session; here is that it is
looked at, and what else there is to lose: memory, and the requests of others.
"""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.http2_clients import http2
from tests.support.http2_frames import END_STREAM, Frame, Kind, frame, number, settings
from tests.support.http2_raw import RawClient, raw_http2
from tests.support.http2_sessions import data, ping, rst_stream, window_update
from tests.support.process import ServerProcess, start_server
from tests.support.waiting import until

CALM = 0xB
MIB = 1 << 20
TARGETS = ["patient", "/hello=hello_asgi", "/wsgi=hello_wsgi", "/status=streams:status"]
TARGETS += ["/upload=streams:upload", "/large=streams:large"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve HTTP/2 in clear, for all tests of this module."""
    options: dict[str, Any] = {
        "http2_cleartext": True,
        "timeout_keep_alive": 60,
        "header": f"X-Large: {'x' * 2000}",
        "forwarded_allow_ips": "none",
    }
    with start_server(*TARGETS, cwd=tmp_path_factory.mktemp("floods"), **options) as started:
        yield started


@pytest.fixture
def client(server: ServerProcess) -> Iterator[RawClient]:
    """Begin a connection; while it lasts, and after it, another one is served."""
    with http2(server) as witness:
        with raw_http2(server) as opened:
            opened.greet()
            yield opened
            assert witness.ask("/hello").status == 200
        assert witness.ask("/wsgi").status == 200


def resident(server: ServerProcess) -> int:
    """Return the bytes of memory that a server has."""
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def wait_until_idle(server: ServerProcess) -> None:
    """Return when a server has nothing to do: it has used no time between two looks."""
    used: list[list[str]] = []

    def is_idle() -> bool:
        used.append(
            Path(f"/proc/{server.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
        )
        return len(used) > 20 and len({tuple(each) for each in used[-20:]}) == 1

    until(is_idle)


def odd(count: int, first: int = 1) -> range:
    """Return the numbers of so many streams."""
    return range(first, first + 2 * count, 2)


def rapid_reset(client: RawClient, stream: int) -> bytes:
    """Ask, and take it back (CVE-2023-44487)."""
    return client.request(stream, method="POST", ends=False) + rst_stream(stream)


def rapid_reset_of_threads(client: RawClient, stream: int) -> bytes:
    """The same for an application that runs on threads."""
    return client.request(stream, path="/wsgi") + rst_stream(stream)


def made_reset_by_window(client: RawClient, stream: int) -> bytes:
    """Ask, and have the server take it back (CVE-2025-8671)."""
    return client.request(stream, method="POST", ends=False) + window_update(stream, 0)


def made_reset_by_data(client: RawClient, stream: int) -> bytes:
    """The same with what must not come any more."""
    head = client.request(stream, ("content-length", "1"), method="POST", ends=False)
    return head + data(stream, b"xx")


def upper_case(client: RawClient, stream: int) -> bytes:
    """Send nothing but malformed requests."""
    block = client.block() + b"\x00\x05Upper\x01x"
    return client.headers(stream, block)


@pytest.mark.parametrize(
    "attack",
    [rapid_reset, rapid_reset_of_threads, made_reset_by_window, made_reset_by_data, upper_case],
    ids=lambda attack: attack.__name__,
)
def test_streams_that_come_to_nothing(client: RawClient, attack: Any) -> None:
    """After a thousand streams that were reset the connection ends, whoever has reset them; sooner where
    applications run on: streams beyond their number are refused, and still reset.
    """
    client.send(b"".join(attack(client, stream) for stream in odd(3000)))
    *_, goaway = (each for each in client.read_to_end() if each.kind == Kind.GOAWAY)
    assert goaway.code == CALM
    assert goaway.last_stream in range(1190, 3000)  # with each second there may be 33 more


def test_streams_beyond_the_limit(client: RawClient) -> None:
    """Those that are open go on; of the others each is refused, until it is too many."""
    client.send(b"".join(client.request(stream, method="POST", ends=False) for stream in odd(1400)))
    frames = client.read_to_end()
    refused = [each.stream for each in frames if each.kind == Kind.RST_STREAM]
    assert len(refused) in range(1000, 1200)  # with each second there may be 33 more
    assert refused == [*odd(len(refused), 201)]
    assert frames[-1].code == CALM


FLOODS = {
    "ping": ping(),
    "settings": settings((4, 1 << 20)),
    "settings of a thousand": settings(*[(0xFF, 1)] * 1000),
    "empty data": data(1),
    "padding alone": frame(Kind.DATA, b"\xff" + bytes(255), stream=1, flags=8),
    "window of the connection": window_update(0, 1),
    "window of a stream": window_update(1, 1),
    "priority": frame(Kind.PRIORITY, number(0) + b"\0", stream=9),
    "priority update": frame(Kind.PRIORITY_UPDATE, number(1) + b"u=1"),
    "unknown": frame(0xFA, bytes(16384)),
}


@pytest.mark.parametrize("name", FLOODS)
def test_frames_that_say_nothing(client: RawClient, name: str) -> None:
    """The connection ends after about a thousand of them, whether or not a request is open."""
    client.send(client.request(1, method="POST", ends=False))
    client.flood(FLOODS[name], 5000)
    assert client.error_of_connection() == CALM


@pytest.mark.parametrize("part", [b"", b"x" * 16384], ids=["empty", "full"])
def test_continuations(client: RawClient, part: bytes) -> None:
    """A block that does not end (CVE-2024-27316) ends the connection."""
    client.send(frame(Kind.HEADERS, client.block(), stream=1, flags=END_STREAM))
    client.flood(frame(Kind.CONTINUATION, part, stream=1), 1000)
    assert client.error_of_connection() == CALM


def test_list_beyond_the_limit(client: RawClient) -> None:
    """431 on its stream alone; but not for ever."""
    client.send(client.request(1, *[("x", "y" * 4000)] * 17))
    assert client.status_of(1) == 431
    client.send(client.request(3, path="/hello"))
    assert client.status_of(3) == 200


def test_bomb(server: ServerProcess, client: RawClient) -> None:
    """References to a large entry of the table: 64 MiB out of 16 KiB. It is 431, costs no memory, and cannot
    be repeated for ever.
    """
    entry = b"\x40\x01x\x7f\xa1\x1e" + b"y" * 4000  # a literal that is indexed, of 4,000 bytes
    before = resident(server)
    client.send(client.headers(1, client.block() + entry))
    client.status_of(1)
    bomb = client.block() + b"\xbe" * 16000
    client.send(*(client.headers(stream, bomb) for stream in odd(1200, 3)))
    codes = [each.code for each in client.read_to_end() if each.kind == Kind.GOAWAY]
    assert codes == [CALM]
    assert resident(server) - before < 8 * MIB


def test_small_windows_that_are_meant(client: RawClient) -> None:
    """A client with a window of one byte, which opens it then, gets its response."""
    client.send(settings((4, 1)), client.request(1, path="/hello"))
    client.read_until(lambda each: each.kind == Kind.DATA)
    client.send(window_update(1, 100))
    client.read_until(lambda each: each.kind == Kind.DATA and each.flags & END_STREAM)


def test_bodies_in_crumbs_that_nobody_reads(server: ServerProcess, client: RawClient) -> None:
    """A window full of frames of two bytes each takes as much memory as a few such windows, not hundreds."""
    start = [client.request(each, method="POST", path="/upload?crumbs", ends=False) for each in odd(4)]
    client.send(*start)
    client.ping()
    before = resident(server)
    for stream in odd(4):
        client.send(data(stream, b"xy") * 60_000)
    client.ping()
    assert resident(server) - before < 8 * MIB
    client.send(client.request(11, path="/status?crumbs"), *(data(each, ends=True) for each in odd(4)))
    assert client.statuses_of(11, *odd(4)) == [200] * 5


def test_bodies_that_nobody_reads(server: ServerProcess, client: RawClient) -> None:
    """A hundred windows could hold 26 MB. About half of that is taken, until applications read."""
    for stream in odd(99):
        client.send(client.request(stream, method="POST", path="/upload?bodies", ends=False))
    before = resident(server)
    room, sent = 65535 + given(client.ping()), 0
    for stream in odd(99):
        for _ in range(16):
            if room >= 16384:
                client.send(data(stream, bytes(16384)))
                room, sent = room - 16384, sent + 16384
        room += given(client.ping())
    assert 4 * MIB < sent < 13 * MIB
    assert resident(server) - before < 20 * MIB
    client.send(client.request(201, path="/status?bodies"), *(data(each, ends=True) for each in odd(99)))
    assert client.statuses_of(201, *odd(99)) == [200] * 100


def given(frames: list[Frame]) -> int:
    """Return by how much the window of the connection grows."""
    updates = (each for each in frames if (each.kind, each.stream) == (Kind.WINDOW_UPDATE, 0))
    return sum(int.from_bytes(each.payload, "big") for each in updates)


def test_client_that_does_not_read(server: ServerProcess, client: RawClient) -> None:
    """Heads need no window. Who does not read them is not read any more; nothing is lost when it does."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.send(client.request(1, method="HEAD", scheme="https"))
    client.status_of(1)
    head = client.request(1, method="HEAD", scheme="https")
    before = resident(server)
    asked = 0
    for first in range(3, 20_000, 160):
        part = b"".join(head[:5] + number(stream) + head[9:] for stream in odd(80, first))
        asked += 80
        if not client.flood(part, 1, reads=False):
            break
    wait_until_idle(server)
    assert resident(server) - before < 8 * MIB
    heads = 0
    while heads < asked - 80:
        client.read_until(lambda each: each.kind == Kind.HEADERS)
        heads += 1


def test_others_do_not_notice_malformed_requests(client: RawClient) -> None:
    """CR, LF, NUL, upper-case names and bodies of a wrong length end their own streams; those before, between
    and after are answered.
    """
    client.send(client.request(1, path="/", method="POST", ends=False))
    for each, field in enumerate([("x", "a\rb"), ("x", "a\nb"), ("x", "a\0b"), ("X", "upper")]):
        literal = (
            b"\x00" + bytes([len(field[0])]) + field[0].encode() + bytes([len(field[1])]) + field[1].encode()
        )
        client.send(client.headers(2 * each + 3, client.block() + literal))
        assert client.reset_of(2 * each + 3) == 1
    client.send(
        client.request(21, ("content-length", "3"), method="POST", ends=False), data(21, b"xx", ends=True)
    )
    assert client.reset_of(21) == 1
    client.send(data(1, b"four", ends=True))
    (*_, answer) = client.read_until(lambda each: each.kind == Kind.DATA and each.payload)
    assert (answer.stream, answer.payload) == (1, b"4 bytes\n")


def test_scheme_is_not_believed(client: RawClient) -> None:
    """`https` in clear, of a client that is no proxy, is 421, as its own stream's affair."""
    client.send(client.request(1, path="/hello", scheme="https"), client.request(3, path="/hello"))
    assert client.status_of(1) == 421
    assert client.status_of(3) == 200
