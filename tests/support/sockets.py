"""A client that sends exactly the bytes it is given and shows exactly the bytes that came back."""

import selectors
import socket
import time

#: Seconds after which an exchange that has not ended is a failure.
DEADLINE = 60.0


def raw(port: int, data: bytes, *, until: bytes | None = None, deadline: float = DEADLINE) -> bytes:
    """Send `data` to 127.0.0.1 and return what came back until the server closed, or until `until` is in it.

    Sends and receives at once, so that a server that answers before it has read everything cannot block it.
    Fails after `deadline` seconds, with what had come back by then.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=deadline) as client:
        client.setblocking(False)
        return _exchange(client, data, until, time.monotonic() + deadline)


def read_all(client: socket.socket) -> bytes:
    """Return what comes before the server says that there is no more; under TLS that word must come."""
    received = b""
    while part := client.recv(65536):
        received += part
    return received


def _exchange(client: socket.socket, data: bytes, until: bytes | None, end: float) -> bytes:
    """Move bytes both ways until the server closes, `until` has come, or the clock passes `end`."""
    received = bytearray()
    unsent = memoryview(data)
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ | (selectors.EVENT_WRITE if unsent else 0))
        while until is None or until not in received:
            events = selector.select(max(0.0, end - time.monotonic()))
            if not events:
                raise AssertionError(f"the exchange did not end in time; received {bytes(received)!r}")
            if events[0][1] & selectors.EVENT_WRITE:
                unsent = unsent[_send(client, unsent) :]
                if not unsent:
                    selector.modify(client, selectors.EVENT_READ)
            if events[0][1] & selectors.EVENT_READ:
                part = _receive(client)
                if not part:
                    break
                received += part
    return bytes(received)


def _send(client: socket.socket, data: memoryview) -> int:
    """Send a part and return its size; all of it once the server reads no more: its answer counts."""
    try:
        return client.send(data)
    except (BrokenPipeError, ConnectionResetError):
        return len(data)


def _receive(client: socket.socket) -> bytes:
    """Receive a part; nothing means that the server has closed, politely or not."""
    try:
        return client.recv(65536)
    except ConnectionResetError:
        return b""
