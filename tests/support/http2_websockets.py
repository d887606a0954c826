"""WebSockets over HTTP/2 (RFC 8441): a stream of :mod:`tests.support.http2_clients`; `websockets` has the
frames.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from h2.settings import SettingCodes
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.headers import build_extension, parse_extension
from websockets.protocol import CLIENT, Protocol

from tests.support.http2_clients import Http2Client, ResetByServer, Response, Stream


class Refused(Exception):
    """The handshake was answered with something else than 200."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.status} {response.body!r}")
        self.response = response


class WebSocketStream:
    """An open WebSocket.

    Attributes:
        stream: what it runs on.
        headers: of the answer to the handshake.
        protocol: the state of the WebSocket.
    """

    def __init__(self, stream: Stream, *, deflates: bool) -> None:
        self.stream = stream
        self.headers = dict(stream.wait_for_head().headers)
        self.protocol = Protocol(CLIENT, max_size=None)
        self._frames: deque[Frame] = deque()
        if deflates:
            ((name, parameters),) = parse_extension(self.headers[b"sec-websocket-extensions"].decode())
            assert name == "permessage-deflate"
            self.protocol.extensions = [
                ClientPerMessageDeflateFactory().process_response_params(parameters, [])
            ]

    def send(self, message: str | bytes) -> None:
        """Send a message."""
        if isinstance(message, str):
            self.protocol.send_text(message.encode())
        else:
            self.protocol.send_binary(message)
        self._flush()

    def send_bytes(self, data: bytes) -> None:
        """Send bytes that may be no frame."""
        self.stream.send(data)

    def recv(self) -> str | bytes:
        """Return the next message; its parts are put together.

        Raises:
            EOFError: the WebSocket is over.
        """
        first = self._next(Opcode.TEXT, Opcode.BINARY)
        data, last = bytes(first.data), first
        while not last.fin:
            last = self._next(Opcode.CONT)
            data += last.data
        return data.decode() if first.opcode is Opcode.TEXT else data

    def ping(self, data: bytes = b"are you?") -> None:
        """Wait for an answer, and drop what comes before."""
        self.protocol.send_ping(data)
        self._flush()
        assert self._next(Opcode.PONG).data == data

    def close(self, code: int = 1000, reason: str = "") -> tuple[int, str] | None:
        """Close, and return what :meth:`end` does."""
        self.protocol.send_close(code, reason)
        self._flush()
        return self.end()

    def end(self) -> tuple[int, str] | None:
        """Wait for the end, and return code and reason of the server's close frame; None without one."""
        while self._more():
            pass
        received = self.protocol.close_rcvd
        return (received.code, received.reason) if received else None

    def _next(self, *kinds: Opcode) -> Frame:
        while True:
            while self._frames:
                if (found := self._frames.popleft()).opcode in kinds:
                    return found
            if not self._more():
                raise EOFError(f"the WebSocket is over: {self.protocol.close_rcvd}")

    def _more(self) -> bool:
        data = self.stream.read()
        if data:
            self.protocol.receive_data(data)
        else:
            self.protocol.receive_eof()
        self._frames += [each for each in self.protocol.events_received() if isinstance(each, Frame)]
        self._flush()
        return bool(data)

    def _flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.stream.send(data)
            else:  # the end of our direction, if the server still wants to hear of it
                with suppress(ResetByServer):
                    self.stream.end()


def start_websocket(
    client: Http2Client,
    target: str = "/",
    *fields: tuple[str, str],
    subprotocols: Sequence[str] = (),
    deflates: bool = False,
    protocol: str = "websocket",
) -> Stream:
    """Send an extended CONNECT, to a server that has said that it takes one."""
    client.settle()
    assert client.server_settings.get(SettingCodes.ENABLE_CONNECT_PROTOCOL) == 1
    head = [("sec-websocket-version", "13"), *fields]
    if subprotocols:
        head.append(("sec-websocket-protocol", ", ".join(subprotocols)))
    if deflates:
        factory = ClientPerMessageDeflateFactory()
        head.append(
            (
                "sec-websocket-extensions",
                build_extension([(factory.name, list(factory.get_request_params()))]),
            )
        )
    return client.start(target, *head, method="CONNECT", ends=False, protocol=protocol)


def open_websocket(
    client: Http2Client,
    target: str = "/",
    *fields: tuple[str, str],
    subprotocols: Sequence[str] = (),
    deflates: bool = False,
) -> WebSocketStream:
    """Open a WebSocket.

    Raises:
        Refused: the server has another answer.
    """
    stream = start_websocket(client, target, *fields, subprotocols=subprotocols, deflates=deflates)
    if stream.wait_for_head().status != 200:
        raise Refused(stream.response())
    return WebSocketStream(stream, deflates=deflates)
