"""The opening handshake of a WebSocket, as its application answers it (ASGI WebSocket specification 2.5)."""

from collections.abc import Callable

from hybrid.bridge.errors import ProtocolError
from hybrid.bridge.types import Message
from hybrid.server.messages import body_of, start_complaint
from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import DefaultFields, ResponseEncoder, refusal
from hybrid.server.wire.websocket.handshake import Handshake, denial_status


class Opening:
    """A handshake that is to be answered, and the answers there are, as bytes. Not needed once it is.

    Attributes:
        early: what the client has said before it may (RFC 6455 section 4.1).
        refusal: the response with which the application refuses it (``websocket.http.response``), from its
            start on.
    """

    __slots__ = ("_handshake", "_request", "early", "refusal")

    def __init__(self, request: Request, handshake: Handshake) -> None:
        self._request = request
        self._handshake = handshake
        self.early = b""
        self.refusal: ResponseEncoder | None = None

    @property
    def interrupted(self) -> bool:
        """Whether the client has had a part of the application's refusal, after which there is no other."""
        return self.refusal is not None and self.refusal.head_sent

    def accept(self, message: Message, defaults: DefaultFields) -> bytes:
        """Return the response for a ``websocket.accept``.

        Raises:
            ProtocolError: the message does not have what it must have.
        """
        try:
            return self._handshake.response(
                message.get("subprotocol"), message.get("headers") or (), defaults
            )
        except (ResponseError, TypeError, ValueError) as error:
            raise ProtocolError(f"websocket.accept: {error}") from error

    def deny(
        self, message: Message, defaults: DefaultFields, new_encoder: Callable[..., ResponseEncoder]
    ) -> None:
        """Take a ``websocket.http.response.start``.

        Raises:
            ProtocolError: as above.
        """
        headers = message.get("headers", ())
        try:
            status = denial_status(message["status"], self._request.http_version)
            encoder = new_encoder(self._request, status, None, headers, defaults)
        except ResponseError as error:
            raise ProtocolError(start_complaint(message, error)) from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ProtocolError(start_complaint(message)) from error
        encoder.keep_alive = False
        self.refusal = encoder

    def deny_part(self, message: Message) -> bytes:
        """Return what to send for a ``websocket.http.response.body``.

        Raises:
            ProtocolError: as above.
        """
        assert self.refusal is not None
        try:
            body = body_of(message)
        except ResponseError as error:
            raise ProtocolError(str(error)) from None
        try:
            return self.refusal.encode(body, message.get("more_body", False))
        except ResponseError as error:
            raise ProtocolError(f"websocket.http.response.body: {error}") from error

    def refuse(self, status: int, reason: str, defaults: DefaultFields) -> bytes:
        """Return a response in the application's place."""
        return refusal(self._request, status, reason, defaults)
