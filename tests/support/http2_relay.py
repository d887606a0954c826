"""Clients of WebSockets over HTTP/1.1, and a server that hears them over HTTP/2 (RFC 8441).

What a proxy does that speaks HTTP/2 with the server behind it: the handshake is translated, and after that
bytes are DATA. So tests that say what must come of a WebSocket are for both versions, byte for byte. The
other side of the streams is the `h2` library.
"""

import asyncio
import base64
import hashlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived, StreamEnded, StreamReset, WindowUpdated

from tests.support.http2_frames import FrameReader, Kind

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#: Fields of the handshake that HTTP/2 has no use for, or says in its own way.
_DROPPED = (b"connection", b"host", b"sec-websocket-key", b"upgrade")
_CANCEL = 8
#: Bytes of a client that wait for a window, before nothing more is taken from it.
_HIGH_WATER = 64 * 1024


class Relay(asyncio.Protocol):
    """One connection of HTTP/2, and the clients whose WebSockets are streams of it."""

    def __init__(self) -> None:
        self._h2 = H2Connection(H2Configuration(header_encoding=None))
        self._frames = FrameReader()
        self._clients: dict[int, _Client] = {}
        self._transport: asyncio.Transport
        self._ready = asyncio.Event()

    async def ready(self) -> None:
        """Wait until the server has said that it takes WebSockets."""
        await self._ready.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._h2.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Take what the server says; its GOAWAY would be the end for h2, although streams go on."""
        for each in self._frames.feed(data):
            if each.kind != Kind.GOAWAY:
                for event in self._h2.receive_data(each.encode()):
                    self._take(event)
        if self._h2.remote_settings.enable_connect_protocol:
            self._ready.set()
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the clients."""
        for client in tuple(self._clients.values()):
            client.cut_off()

    def _take(self, event: Event) -> None:
        if isinstance(event, WindowUpdated):
            for each in tuple(self._clients.values()):
                each.push()
            return
        client = self._clients.get(getattr(event, "stream_id", 0) or 0)
        if client is None:
            if isinstance(event, DataReceived):
                self.acknowledge(event.stream_id or 0, event.flow_controlled_length or 0)
        elif isinstance(event, ResponseReceived):
            client.answered([(bytes(name), bytes(value)) for name, value in event.headers or ()])
        elif isinstance(event, DataReceived):
            client.heard(event.data or b"", event.flow_controlled_length or 0)
        elif isinstance(event, StreamEnded):
            client.server_ended()
        elif isinstance(event, StreamReset):
            client.cut_off()

    # What clients call.

    def begin(self, client: "_Client", fields: list[tuple[bytes, bytes]]) -> int:
        """Open a stream, and return its number."""
        number = self._h2.get_next_available_stream_id()
        self._clients[number] = client
        self._h2.send_headers(number, fields)
        self.flush()
        return number

    def room(self, number: int) -> int:
        """Return how many bytes may be sent."""
        return min(self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size)

    def send(self, number: int, data: bytes, *, end: bool = False) -> None:
        """Send bytes, for which there is room, or the end."""
        self._h2.send_data(number, data, end_stream=end)
        self.flush()

    def acknowledge(self, number: int, size: int) -> None:
        """Let the server send so much more."""
        if size:
            self._h2.acknowledge_received_data(size, number)
            self.flush()

    def forget(self, number: int, *, reset: bool) -> None:
        """The client has left."""
        if self._clients.pop(number, None) is not None and reset:
            self._h2.reset_stream(number, _CANCEL)
            self.flush()

    def leave(self) -> None:
        """Close the connection."""
        self._transport.close()

    def flush(self) -> None:
        """Send what there is to send."""
        data = self._h2.data_to_send()
        if data and not self._transport.is_closing():
            self._transport.write(data)


class _Client(asyncio.Protocol):
    """One client, and its stream."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._transport: asyncio.Transport
        self._head = b""
        self._key = b""
        self._number = 0
        self._pending = bytearray()  # for the server
        self._eof = False  # whether the client has ended
        self._ended = False  # whether the server knows
        self._over = False  # whether the server has ended
        self._chunked = False
        self._unread = 0  # bytes that the server may not send again yet
        self._slow = False

    # From the client.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the handshake."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        """Pass it on; the handshake is translated."""
        if self._number:
            self._pending += data
        else:
            head, mark, rest = (self._head + data).partition(b"\r\n\r\n")
            self._head = head + mark
            if not mark:
                return
            self._pending += rest
            self._number = self._relay.begin(self, self._translated(head))
        self.push()

    def eof_received(self) -> bool:
        """Pass it on."""
        self._eof = True
        self.push()
        return not self._over

    def connection_lost(self, exc: Exception | None) -> None:
        """A reset is one there, too."""
        clean = self._over and self._ended
        self._relay.forget(self._number, reset=not clean)

    def pause_writing(self) -> None:
        """The client does not read: the server will have to wait."""
        self._slow = True

    def resume_writing(self) -> None:
        """The server may go on."""
        self._slow = False
        self._relay.acknowledge(self._number, self._unread)
        self._unread = 0

    def push(self) -> None:
        """Send what the windows allow."""
        while self._number and self._pending and (room := self._relay.room(self._number)) > 0:
            data = bytes(self._pending[:room])
            del self._pending[:room]
            self._relay.send(self._number, data)
        if self._eof and not self._pending and self._number and not self._ended:
            self._ended = True
            self._relay.send(self._number, b"", end=True)
        if self._transport.is_closing() or self._eof:
            return
        if len(self._pending) > _HIGH_WATER:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _translated(self, head: bytes) -> list[tuple[bytes, bytes]]:
        line, *lines = head.split(b"\r\n")
        pairs = [each.partition(b":") for each in lines]
        fields = [(name.lower(), value.strip(b" \t")) for name, _, value in pairs]
        values = dict(fields)
        self._key = values[b"sec-websocket-key"]
        return [
            (b":method", b"CONNECT"),
            (b":protocol", values[b"upgrade"]),
            (b":scheme", b"http"),
            (b":path", line.split()[1]),
            (b":authority", values[b"host"]),
            *(field for field in fields if field[0] not in _DROPPED),
        ]

    # From the server.

    def answered(self, fields: list[tuple[bytes, bytes]]) -> None:
        """Translate the response."""
        (_, status), *fields = fields
        if status == b"200":
            accept = base64.b64encode(hashlib.sha1(self._key + _GUID, usedforsecurity=False).digest())
            fields += [
                (b"upgrade", b"websocket"),
                (b"connection", b"Upgrade"),
                (b"sec-websocket-accept", accept),
            ]
            status = b"101"
        elif not any(name == b"content-length" for name, _ in fields):
            self._chunked = True
            fields.append((b"transfer-encoding", b"chunked"))
        phrase = HTTPStatus(int(status)).phrase.encode()
        lines = [b"HTTP/1.1 %b %b" % (status, phrase), *(b"%b: %b" % field for field in fields), b"", b""]
        self._transport.write(b"\r\n".join(lines))

    def heard(self, data: bytes, size: int) -> None:
        """Pass a part on."""
        if data:
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        if self._slow:
            self._unread += size
        else:
            self._relay.acknowledge(self._number, size)

    def server_ended(self) -> None:
        """Pass it on."""
        self._over = True
        if self._chunked:
            self._transport.write(b"0\r\n\r\n")
        if self._eof:
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.write_eof()

    def cut_off(self) -> None:
        """Reset the connection, unless both sides have ended."""
        self._relay.forget(self._number, reset=False)
        if not (self._over or self._transport.is_closing()):
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


@asynccontextmanager
async def relaying(port: int) -> AsyncIterator[int]:
    """Take clients of HTTP/1.1 for a server on a port of this machine, and give theirs."""
    loop = asyncio.get_running_loop()
    _, relay = await loop.create_connection(Relay, "127.0.0.1", port)
    entrance = await loop.create_server(lambda: _Client(relay), "127.0.0.1", 0)
    try:
        await relay.ready()
        yield entrance.sockets[0].getsockname()[1]
    finally:
        entrance.close()
        relay.leave()
