"""WebSockets over HTTP/2 from a little server in threads; nothing depends on how fast it is."""

import os
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest

from benchmarks.loads import stream_echoes
from benchmarks.loads.outcome import Outcome
from benchmarks.loads.plan import Plan, StreamEchoes
from benchmarks.loads.websocket import BINARY, frame

TEXT = "0123456789abcdef"
SENT = 6 + len(TEXT)  # the bytes of a message, masked, in a frame


@dataclass
class Behaviour:
    """What the server does: everything right, unless told otherwise."""

    connect: bool = True
    status: bytes = b"200"
    echo: Sequence[bytes] = (frame(BINARY, TEXT.encode()),)
    window: int = 65535
    on_message: Callable[[h2.connection.H2Connection, int], None] | None = None


def serve(connection: socket.socket, behaviour: Behaviour) -> None:
    """Answer a client until it leaves."""
    h2c = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    codes = h2.settings.SettingCodes
    h2c.local_settings = h2.settings.Settings(
        client=False,
        initial_values={
            codes.ENABLE_CONNECT_PROTOCOL: int(behaviour.connect),
            codes.INITIAL_WINDOW_SIZE: behaviour.window,
        },
    )
    h2c.initiate_connection()
    with suppress(ConnectionError), connection:
        connection.sendall(h2c.data_to_send())
        while data := connection.recv(65536):
            for event in h2c.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    assert dict(event.headers)[b":protocol"] == b"websocket"
                    h2c.send_headers(event.stream_id, [(b":status", behaviour.status)])
                elif isinstance(event, h2.events.DataReceived):
                    answer(h2c, event, behaviour)
                elif isinstance(event, h2.events.PingAckReceived):
                    stream = int.from_bytes(event.ping_data, "big")
                    h2c.acknowledge_received_data(SENT, stream)
            connection.sendall(h2c.data_to_send())


def answer(h2c: h2.connection.H2Connection, event: h2.events.DataReceived, behaviour: Behaviour) -> None:
    """Send an echo for each message, and a ping whose answer grants the bytes back that it took."""
    assert len(event.data) == SENT
    h2c.ping(event.stream_id.to_bytes(8, "big"))
    if behaviour.on_message:
        behaviour.on_message(h2c, event.stream_id)
        return
    for part in behaviour.echo:
        h2c.send_data(event.stream_id, part)


def run(behaviour: Behaviour, load: StreamEchoes | None = None) -> Outcome:
    """Measure such a server, in this very process."""
    load = load or StreamEchoes(TEXT, connections=2, streams=3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads: list[threading.Thread] = []

        def accept() -> None:
            for _ in range(load.connections):
                connection, _ = listener.accept()
                connection.settimeout(20)
                threads.append(threading.Thread(target=serve, args=(connection, behaviour)))
                threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        plan = Plan(os.getpid(), listener.getsockname()[1], 0.1, 0.7, load)
        outcome = stream_echoes.measure(plan, load)
        accepting.join(20)
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in (accepting, *threads))
    return outcome


def test_echoes_are_counted() -> None:
    """Each message comes back, and the next one goes; pings and settings are answered meanwhile."""
    outcome = run(Behaviour())
    assert (outcome.errors, outcome.first_error) == (0, "")
    assert outcome.answers > 10


def test_an_echo_may_come_in_parts() -> None:
    """Frames of HTTP/2 may be cut anywhere."""
    whole = frame(BINARY, TEXT.encode())
    outcome = run(Behaviour(echo=(whole[:1], b"", whole[1:9], whole[9:])))
    assert outcome.errors == 0
    assert outcome.answers > 10


def test_windows_are_kept_to() -> None:
    """A server that grants one message at a time is never sent more, which would be an error to it."""
    outcome = run(Behaviour(window=SENT))
    assert outcome.errors == 0
    assert outcome.answers > 10


def end(h2c: h2.connection.H2Connection, stream: int) -> None:
    """End a stream."""
    h2c.send_data(stream, b"", end_stream=True)


def reset(h2c: h2.connection.H2Connection, stream: int) -> None:
    """Reset a stream."""
    h2c.reset_stream(stream)


def leave(h2c: h2.connection.H2Connection, _stream: int) -> None:
    """Say that no more streams are taken."""
    h2c.close_connection()


@pytest.mark.parametrize(
    ("behaviour", "complaint"),
    [
        (Behaviour(connect=False), "no WebSockets over HTTP/2"),
        (Behaviour(status=b"403"), "handshake refused: 403"),
        (Behaviour(echo=(frame(BINARY, b"0123456789abcdeF"),)), "unexpected message"),
        (Behaviour(echo=(frame(BINARY, TEXT.encode()) * 2,)), "unexpected message"),
        (Behaviour(on_message=end), "unexpected message"),
        (Behaviour(on_message=reset), "stream 1 reset"),
        (Behaviour(on_message=leave), "connection going away"),
    ],
    ids=["connect", "status", "echo", "two echoes", "end", "reset", "goaway"],
)
def test_what_is_wrong_is_said(behaviour: Behaviour, complaint: str) -> None:
    """The first wrong answer ends the measurement."""
    outcome = run(behaviour, StreamEchoes(TEXT, 1, 1))
    assert outcome.errors == 1
    assert complaint in outcome.first_error


def leave_at_once(listener: socket.socket) -> None:
    """Accept a connection, and close it."""
    connection, _ = listener.accept()
    connection.close()


def test_a_server_that_leaves_is_an_error() -> None:
    """A closed connection is named."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        leaving = threading.Thread(target=leave_at_once, args=(listener,))
        leaving.start()
        load = StreamEchoes(TEXT, 1, 1)
        outcome = stream_echoes.measure(Plan(os.getpid(), listener.getsockname()[1], 0.1, 0.1, load), load)
        leaving.join(20)
    assert outcome.first_error in ("connection closed", "[Errno 104] Connection reset by peer")
