# ruff: noqa: ASYNC109, ASYNC110 - time-outs and intervals are Channels' arguments
"""Talking to ASGI applications in tests, without a server: the communicators of Channels.

What a consumer's handler raises is raised here, by the next call that would have to wait in vain, and not
turned into a closed WebSocket, as under a server.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Iterable
from contextvars import Context
from typing import Any
from urllib.parse import unquote, urlsplit

from hybrid.bridge.consumers.run import RAISE_ERRORS
from hybrid.bridge.types import ASGIApp, Headers, Message, Scope

__all__ = ["ApplicationCommunicator", "HttpCommunicator", "WebsocketCommunicator"]


class ApplicationCommunicator:
    """One call of an ASGI application, message by message. It begins with the first message.

    Args:
        application: to be called.
        scope: what it is called with, in a copy.

    Attributes:
        input_queue: what the application receives.
        output_queue: what it has sent.
    """

    def __init__(self, application: ASGIApp, scope: Scope) -> None:
        self.application = application
        self.scope: Scope = {RAISE_ERRORS: True, **scope}
        self.input_queue: asyncio.Queue[Message] = asyncio.Queue()
        self.output_queue: asyncio.Queue[Message] = asyncio.Queue()
        self._future: asyncio.Task[None] | None = None

    @property
    def future(self) -> "asyncio.Task[None]":
        """The call, in a context of its own: it does not see the test's context variables."""
        if self._future is None:
            call = self.application(self.scope, self.input_queue.get, self.output_queue.put)
            self._future = asyncio.create_task(_finish(call), context=Context())
        return self._future

    async def send_input(self, message: Message) -> None:
        """Give the application a message to receive; raise what it has raised."""
        if self.future.done():
            self.future.result()
        await self.input_queue.put(message)

    async def receive_output(self, timeout: float = 1) -> Message:
        """Return the next message that the application sends; raise what it raises.

        Raises:
            TimeoutError: there is none within so many seconds, or the application has returned. It is
                cancelled, if it has not.
        """
        if self.future.done():
            self.future.result()
        output = asyncio.create_task(self.output_queue.get())
        await asyncio.wait({output, self.future}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not output.done() and not self.output_queue.empty():  # the application's last
            await output
        if output.done():
            return output.result()
        output.cancel()
        if self.future.done():
            self.future.result()
            raise TimeoutError("the application has returned, and sends no more")
        await self._cancel()
        raise TimeoutError(f"the application has sent nothing for {timeout} s")

    async def receive_nothing(self, timeout: float = 0.1, interval: float = 0.01) -> bool:
        """Return whether nothing is sent for so many seconds; looks each ``interval`` seconds."""
        if self.future.done():
            self.future.result()
        end = time.monotonic() + timeout
        while self.output_queue.empty() and time.monotonic() < end:
            await asyncio.sleep(interval)
        return self.output_queue.empty()

    async def wait(self, timeout: float = 1) -> None:
        """Wait until the application returns; raise what it raises.

        Raises:
            TimeoutError: it has not within so many seconds, and is cancelled.
        """
        done, _ = await asyncio.wait({self.future}, timeout=timeout)
        if not done:
            await self._cancel()
            raise TimeoutError(f"the application has not returned within {timeout} s")
        if not self.future.cancelled():
            self.future.result()

    def stop(self, exceptions: bool = True) -> None:
        """Cancel the application, or raise what it has raised, unless told not to."""
        if self._future is None:
            return
        if not self._future.done():
            self._future.cancel()
        elif exceptions:
            self._future.result()

    async def _cancel(self) -> None:
        self.future.cancel()
        await asyncio.wait({self.future})


async def _finish(call: Awaitable[None]) -> None:
    await call


class HttpCommunicator(ApplicationCommunicator):
    """One request, whose body is one message, and its response.

    Args:
        application: to be asked.
        method: of the request.
        path: with the query.
        body: of the request.
        headers: fields of the request.
    """

    def __init__(
        self,
        application: ASGIApp,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Headers | None = None,
    ) -> None:
        if not isinstance(body, bytes):
            raise TypeError(f"the body must be bytes, not {type(body).__name__}")
        self.body = body
        self.sent_request = False
        http: Scope = {"type": "http", "http_version": "1.1", "method": method.upper()}
        super().__init__(application, {**http, **_target(path), "headers": headers or []})

    async def get_response(self, timeout: float = 1) -> dict[str, Any]:
        """Send the request, unless that is done, and return ``status``, ``headers`` and ``body``."""
        if not self.sent_request:
            self.sent_request = True
            await self.send_input({"type": "http.request", "body": self.body})
        start = await self.receive_output(timeout)
        _expect(start, "http.response.start")
        body = bytearray()
        more = True
        while more:
            part = await self.receive_output(timeout)
            _expect(part, "http.response.body")
            body += part.get("body", b"")
            more = part.get("more_body", False)
        response = {key: value for key, value in start.items() if key != "type"}
        return {"headers": [], **response, "body": bytes(body)}


class WebsocketCommunicator(ApplicationCommunicator):
    """One WebSocket, seen from the client.

    Args:
        application: to be connected to.
        path: with the query.
        headers: fields of the handshake.
        subprotocols: those that the client offers.
        spec_version: of the ASGI WebSocket specification, if the application is to know it.

    Attributes:
        response_headers: what the application added to the handshake; None before it is accepted.
    """

    def __init__(
        self,
        application: ASGIApp,
        path: str,
        headers: Headers | None = None,
        subprotocols: Iterable[str] | None = None,
        spec_version: str | None = None,
    ) -> None:
        if not isinstance(path, str):
            raise TypeError(f"the path must be str, not {type(path).__name__}")
        scope: dict[str, Any] = {"type": "websocket", **_target(path), "headers": headers or []}
        scope["subprotocols"] = subprotocols or []
        if spec_version:
            scope["spec_version"] = spec_version
        super().__init__(application, scope)
        self.response_headers: Headers | None = None

    async def connect(self, timeout: float = 1) -> tuple[bool, str | int | None]:
        """Connect; return True and the subprotocol, or False and the close code."""
        await self.send_input({"type": "websocket.connect"})
        response = await self.receive_output(timeout)
        if response["type"] == "websocket.close":
            return False, response.get("code", 1000)
        _expect(response, "websocket.accept")
        self.response_headers = response.get("headers", [])
        return True, response.get("subprotocol")

    async def send_to(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Send a message: text or bytes, which may be empty."""
        if (text_data is None) == (bytes_data is None):
            raise AssertionError("You must supply exactly one of text_data or bytes_data")
        if text_data is not None:
            assert isinstance(text_data, str), "The text_data argument must be a str"
            await self.send_input({"type": "websocket.receive", "text": text_data})
        else:
            assert isinstance(bytes_data, bytes), "The bytes_data argument must be bytes"
            await self.send_input({"type": "websocket.receive", "bytes": bytes_data})

    async def send_json_to(self, data: Any) -> None:
        """Send a message: this, as JSON text."""
        await self.send_to(text_data=json.dumps(data))

    async def receive_from(self, timeout: float = 1) -> str | bytes:
        """Return the next message; one that closes the WebSocket instead is an AssertionError."""
        response = await self.receive_output(timeout)
        _expect(response, "websocket.send")
        assert ("text" in response) != ("bytes" in response), (
            "The response needs exactly one of 'text' or 'bytes'"
        )
        kind = "text" if "text" in response else "bytes"
        data: str | bytes = response[kind]
        assert isinstance(data, str if kind == "text" else bytes), f"{kind} is {type(data)}"
        return data

    async def receive_json_from(self, timeout: float = 1) -> Any:
        """Return what the next message, a JSON text, means."""
        payload = await self.receive_from(timeout)
        assert isinstance(payload, str), f"JSON data is not a text frame, it is {type(payload)}"
        return json.loads(payload)

    async def disconnect(self, code: int = 1000, timeout: float = 1) -> None:
        """Leave, and wait for the application's end."""
        await self.send_input({"type": "websocket.disconnect", "code": code})
        await self.wait(timeout)


def _target(path: str) -> dict[str, Any]:
    parts = urlsplit(path)
    return {"path": unquote(parts.path), "query_string": parts.query.encode()}


def _expect(message: Message, kind: str) -> None:
    assert message["type"] == kind, f"Expected type {kind!r}, but was {message['type']!r}"
