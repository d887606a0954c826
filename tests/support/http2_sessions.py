"""A session of HTTP/2 as tests talk to it: what a client does in, what becomes of it out."""

from collections.abc import Iterable
from typing import Any

from hpack import Encoder

from hybrid.server.wire.http2.events import (
    BodyReceived,
    Event,
    PriorityChanged,
    RequestBegun,
    RequestRefused,
    RoomGained,
    StreamEnded,
)
from hybrid.server.wire.http2.frames import ConnectionFault
from hybrid.server.wire.http2.session import Session
from hybrid.server.wire.http2.terms import Terms
from tests.support.http2_frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PREFACE,
    Frame,
    FrameReader,
    Kind,
    frame,
    number,
    settings,
)

#: The fields of the simplest request.
GET = ((":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/"))
POST = ((":method", "POST"), *GET[1:])
Told = tuple[Any, ...]


class Talk:
    """A session and a client that has begun the connection.

    Attributes:
        session: the server's side.
        told: what it has told of the client, in a form that can be compared.
        said: the frames that it has sent since :meth:`take`.
        fault: the code of the error of the connection; None without one.
    """

    def __init__(self, terms: Terms | None = None, *, begun: bool = True) -> None:
        self.session = Session(terms or Terms())
        self.encoder = Encoder()
        self.told: list[Told] = []
        self.said: list[Frame] = []
        self.fault: int | None = None
        self._reader = FrameReader()
        if begun:
            self.send(PREFACE + settings())
            self.take()

    def __repr__(self) -> str:
        return f"<Talk told={self.told} said={self.said} fault={self.fault}>"

    def send(self, *parts: bytes) -> "Talk":
        """Let the client send bytes, unless its connection has ended."""
        for part in parts:
            if self.fault is not None:
                break
            try:
                for event in self.session.receive(part):
                    self.told.append(_described(event))
            except ConnectionFault as fault:
                self.fault = int(fault.code)
        self.hear()
        return self

    def bytewise(self, data: bytes) -> "Talk":
        """Let the client send bytes one by one."""
        return self.send(*(data[place : place + 1] for place in range(len(data))))

    def hear(self) -> None:
        """Take what the server has sent."""
        self.said += self._reader.feed(self.session.take_output())

    def take(self) -> tuple[list[Told], list[Frame]]:
        """Return, and forget, what has been told and said."""
        told, said, self.told, self.said = self.told, self.said, [], []
        return told, said

    def headers(self, stream: int, fields: Iterable[tuple[str, str]] = GET, *, ends: bool = True) -> bytes:
        """Write a HEADERS frame."""
        flags = END_HEADERS | (END_STREAM if ends else 0)
        return frame(Kind.HEADERS, self.encoder.encode(list(fields)), stream=stream, flags=flags)

    def answer(self, stream: int) -> None:
        """Let the server answer with a head and nothing else."""
        self.session.send_head(self.session.streams[stream], b"\x88", end=True)
        self.hear()

    @property
    def resets(self) -> dict[int, int]:
        """The codes with which streams have been reset."""
        return {each.stream: each.code for each in self.said if each.kind == Kind.RST_STREAM}


def data(stream: int, payload: bytes = b"", *, ends: bool = False) -> bytes:
    """Write a DATA frame."""
    return frame(Kind.DATA, payload, stream=stream, flags=END_STREAM if ends else 0)


def window_update(stream: int, increment: int) -> bytes:
    """Write a WINDOW_UPDATE frame."""
    return frame(Kind.WINDOW_UPDATE, number(increment), stream=stream)


def priority_update(stream: int, value: bytes) -> bytes:
    """Write a PRIORITY_UPDATE frame."""
    return frame(Kind.PRIORITY_UPDATE, number(stream) + value)


def rst_stream(stream: int, code: int = 8) -> bytes:
    """Write an RST_STREAM frame."""
    return frame(Kind.RST_STREAM, number(code), stream=stream)


def ping(payload: bytes = b"are you?", *, ack: bool = False) -> bytes:
    """Write a PING frame."""
    return frame(Kind.PING, payload, flags=ACK if ack else 0)


def _described(event: Event) -> Told:
    match event:
        case RequestBegun():
            request = event.request
            return "begun", event.stream, request.method, request.target, tuple(request.headers), event.ended
        case RequestRefused():
            return "refused", event.stream, event.error.status
        case BodyReceived():
            return "body", event.stream, event.data, event.size, event.ended
        case StreamEnded():
            return "ended", event.stream, None if event.fault is None else int(event.fault.code)
        case PriorityChanged():
            return "priority", event.stream, event.priority.urgency, event.priority.incremental
        case RoomGained():
            return "room", event.stream
