"""Clients that send what they have to say slowly, all of them at once."""

import selectors
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass

from tests.support.sockets import DEADLINE

#: Seconds between two pieces.
PAUSE = 0.05


@dataclass(frozen=True)
class SlowClient:
    """What one of them sends: something at once, and then a piece every :data:`PAUSE` until the server
    answers.

    Attributes:
        start: what is sent at once.
        piece: what is sent again and again; nothing for a client that is silent.
        count: how often, at most.
    """

    start: bytes
    piece: bytes = b""
    count: int = 1 << 30


def drive(port: int, clients: Mapping[str, SlowClient]) -> dict[str, bytes]:
    """Let all of them loose on a server, and return what each has received when the server has closed.

    Fails when one of them is still there after the deadline.
    """
    received = {name: bytearray() for name in clients}
    left = {name: client.count if client.piece else 0 for name, client in clients.items()}
    end = time.monotonic() + DEADLINE
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for name, client in clients.items():
            sock = stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), DEADLINE)))
            sock.sendall(client.start)
            selector.register(sock, selectors.EVENT_READ, name)
        next_piece = time.monotonic()
        while selector.get_map():
            assert time.monotonic() < end, f"the server puts up with {[*_names(selector)]}"
            for key, _ in selector.select(max(0.0, next_piece - time.monotonic())):
                left[key.data] = 0
                part = _receive(key.fileobj)
                received[key.data] += part
                if not part:
                    selector.unregister(key.fileobj)
            if time.monotonic() >= next_piece:
                next_piece = time.monotonic() + PAUSE
                for key in selector.get_map().values():
                    if left[key.data]:
                        left[key.data] -= 1
                        _send(key.fileobj, clients[key.data].piece)
    return {name: bytes(data) for name, data in received.items()}


def _names(selector: selectors.BaseSelector) -> list[str]:
    return [key.data for key in selector.get_map().values()]


def _send(sock: object, data: bytes) -> None:
    assert isinstance(sock, socket.socket)
    with suppress(BrokenPipeError, ConnectionResetError):  # what it has said is still to be read
        sock.sendall(data)


def _receive(sock: object) -> bytes:
    """Receive a part; nothing means that the server has closed, politely or not."""
    assert isinstance(sock, socket.socket)
    try:
        return sock.recv(65536)
    except ConnectionResetError:
        return b""
