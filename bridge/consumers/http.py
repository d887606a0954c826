"""Consumers of HTTP requests."""

from collections.abc import Mapping
from typing import Any

from hybrid.bridge.consumers.base import AsyncConsumer
from hybrid.bridge.errors import StopConsumer
from hybrid.bridge.types import Headers, Message


class AsyncHttpConsumer(AsyncConsumer):
    """A request as :meth:`handle`, which answers it and may take its time.

    A client that leaves meanwhile is :meth:`disconnect` at once, and the next thing that is sent raises
    :class:`~hybrid.bridge.errors.ClientDisconnected`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.body: list[bytes] = []
        self._is_disconnected = False

    async def send_headers(
        self,
        *,
        status: int = 200,
        headers: Headers | Mapping[bytes, bytes] | None = None,
    ) -> None:
        """Begin the response; nothing is sent before the first :meth:`send_body`."""
        fields: Headers = list(headers.items()) if isinstance(headers, Mapping) else list(headers or ())
        await self.send({"type": "http.response.start", "status": status, "headers": fields})

    async def send_body(self, body: bytes, *, more_body: bool = False) -> None:
        """Send a part of the response's body, the last one unless told otherwise.

        Raises:
            ClientDisconnected: the client has left.
            TypeError: it is no bytes.
        """
        if not isinstance(body, bytes):
            raise TypeError(f"the body must be bytes, not {type(body).__name__}")
        await self.send({"type": "http.response.body", "body": body, "more_body": more_body})

    async def send_response(self, status: int, body: bytes, **kwargs: Any) -> None:
        """Send a whole response; further arguments are those of :meth:`send_headers`."""
        await self.send_headers(status=status, **kwargs)
        await self.send_body(body)

    async def handle(self, body: bytes) -> None:
        """Answer a request with this body; to be overridden."""
        raise NotImplementedError(f"{type(self).__name__} must have a handle() method")

    async def disconnect(self) -> None:
        """Clean up, once: the request is over or the client has left. Nothing can be sent from here."""

    async def http_request(self, message: Message) -> None:
        """Collect the body, and have the request handled when it is complete."""
        self.body.append(message.get("body", b""))
        if not message.get("more_body"):
            try:
                await self.handle(b"".join(self.body))
            finally:
                await self._disconnect_once()
            raise StopConsumer

    async def http_disconnect(self, message: Message) -> None:
        """Let the application clean up."""
        await self._disconnect_once()
        raise StopConsumer

    async def _disconnect_once(self) -> None:
        if not self._is_disconnected:
            self._is_disconnected = True
            await self.disconnect()
