"""The ways in which a check is played: what the client does, besides sending a request and reading."""

import time
from collections.abc import Iterator
from typing import Protocol

from benchmarks.wsgi_matrix.client import DEADLINE
from benchmarks.wsgi_matrix.facts.replies import lacking
from benchmarks.wsgi_matrix.reply import Reply
from benchmarks.wsgi_matrix.seen import Seen
from benchmarks.wsgi_matrix.servers import Peer

UPLOAD = 64 << 20
ALIVE = b"GET /alive HTTP/1.1\r\nHost: matrix\r\n\r\n"


class Asked(Protocol):
    """What a play has to know of a check."""

    @property
    def app(self) -> str:
        """The name of the application, under which it takes notes."""
        ...

    @property
    def request(self) -> bytes:
        """The request to send, or the head of it."""
        ...


def _method(request: bytes) -> str:
    return request.partition(b" ")[0].decode("ascii")


def ask(peer: Peer, check: Asked) -> Seen:
    """Send the request, read the response, and look at everything."""
    with peer.connect() as client:
        client.send(check.request)
        return _look(peer, check, client.read_reply(_method(check.request)))


def _look(peer: Peer, check: Asked, reply: Reply) -> Seen:
    alive = peer.is_alive()  # what the application did after the response has been done by now
    return Seen(reply, notes=tuple(peer.notes(check.app)), output=peer.output(), alive=alive, port=peer.port)


def ask_again(peer: Peer, check: Asked) -> Seen:
    """Send the request, and when its response is there another one on the same connection."""
    with peer.connect() as client:
        client.send(check.request)
        first = client.read_reply(_method(check.request))
        client.send(ALIVE)
        second = client.read_next_reply(first)
    return Seen(second, (first, second))


def ask_often(peer: Peer, check: Asked) -> Seen:
    """Send the request a hundred times on one connection, each when the one before was answered."""
    replies: list[Reply] = []
    with peer.connect() as client:
        for _ in range(100):
            client.send(check.request)
            replies.append(client.read_next_reply(replies[-1]) if replies else client.read_reply())
            if replies[-1].status != 200 or not replies[-1].over:
                break
    return Seen(replies[-1], tuple(replies))


def ask_until_noted(peer: Peer, check: Asked) -> Seen:
    """Send the request, read the response, and wait until the application has noted something."""
    with peer.connect() as client:
        client.send(check.request)
        reply = client.read_reply()
        if not lacking(Seen(reply)):
            wait_for_note(peer, check.app)
    return _look(peer, check, reply)


def ask_until_written(peer: Peer, check: Asked) -> Seen:
    """Send the request, read the response, and wait until the server has written something of it."""
    with peer.connect() as client:
        client.send(check.request)
        reply = client.read_reply()
        end = time.monotonic() + DEADLINE
        while "matrix: zw" not in peer.output() and time.monotonic() < end:
            time.sleep(0.01)
    return _look(peer, check, reply)


def wait_for_note(peer: Peer, name: str, seconds: float = DEADLINE) -> bool:
    """Wait until an application has noted something; False if it does not."""
    end = time.monotonic() + seconds
    while not peer.notes(name):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def step(peer: Peer, check: Asked) -> Seen:
    """Let the application go on when its first part is there."""
    with peer.connect() as client:
        client.send(check.request)
        in_time = client.read_until(b"first")
        peer.step(check.app)
        return Seen(client.read_reply(), in_time=in_time)


def expect(peer: Peer, check: Asked) -> Seen:
    """Send the head, wait for 100 Continue, and send the body then."""
    with peer.connect() as client:
        client.send(check.request)
        client.read_until(b"\r\n\r\n")
        client.send(b"one\ntwo\nlast")
        return Seen(client.read_reply())


def leave(peer: Peer, check: Asked) -> Seen:
    """Read the beginning of the response, leave, and wait until the application has noticed."""
    with peer.connect(receive_buffer=8192) as client:
        client.send(check.request)
        there = client.read_until(b"xxxx")
        reply = client.read_so_far()
        client.leave()
    if there:
        wait_for_note(peer, check.app)
    return _look(peer, check, reply)


def together(peer: Peer, check: Asked) -> Seen:
    """Send the request on two connections at once."""
    with peer.connect() as one, peer.connect() as other:
        one.send(check.request)
        other.send(check.request)
        return Seen(one.read_reply(), (other.read_reply(),))


def upload(peer: Peer, check: Asked) -> Seen:
    """Send a body that should not be kept in memory, and measure."""
    peer.reset_peak_memory()
    before = peer.peak_memory()
    with peer.connect() as client:
        client.upload(check.request, _zeros())
        reply = client.read_reply()
    return Seen(reply, grown=_difference(before, peer.peak_memory()))


def _zeros() -> Iterator[bytes]:
    part = bytes(1 << 16)
    return (part for _ in range(UPLOAD >> 16))


def stall(peer: Peer, check: Asked) -> Seen:
    """Stop reading a large response until the application had the time to give all of it; read the rest."""
    peer.reset_peak_memory()
    before = peer.peak_memory()
    with peer.connect(receive_buffer=1 << 16) as client:
        client.send(check.request)
        client.read_until(b"\r\n\r\n")
        wait_for_note(peer, check.app, 2.5)
        grown = _difference(before, peer.peak_memory())
        reply = client.read_so_far()
        return Seen(reply, body_size=client.count_body(), grown=grown)


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before
