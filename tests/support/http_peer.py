"""HTTP/1.1 without a network: a client in memory, the real handler, and an application that a test steers."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple, ParamSpec, TypeVar

import h11

from hybrid.bridge.types import ASGIApp, Message, Receive, Scope, Send
from hybrid.server.config import Config
from hybrid.server.connection import Connection
from hybrid.server.context import ServerContext
from hybrid.server.http11 import Http11
from tests.support.transports import FakeTransport

#: Seconds after which a test that hangs has failed.
DEADLINE = 60.0

P = ParamSpec("P")
T = TypeVar("T")


def on_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test on an event loop of its own; what the loop complains about fails it."""

    async def watched(*args: P.args, **kwargs: P.kwargs) -> None:
        complaints: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        async with asyncio.timeout(DEADLINE):
            await test(*args, **kwargs)
        assert not complaints

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(watched(*args, **kwargs))

    return run


async def settle() -> None:
    """Let everything happen that can happen without the client."""
    for _ in range(20):
        await asyncio.sleep(0)


async def start_waiting(call: Awaitable[T]) -> "asyncio.Future[T]":
    """Call `receive` or `send` in a task of its own, and let it come as far as it can."""
    task = asyncio.ensure_future(call)
    await settle()
    return task


class IncompleteResponse(AssertionError):
    """The bytes end before the response does."""


class Response(NamedTuple):
    """A response as an independent parser reads it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of a field, one for each line."""
        return [value for key, value in self.headers if key == name]


def read_responses(data: bytes, *methods: str, closed: bool = False) -> list[Response]:
    """Read the responses to requests with these methods, interim ones too; nothing may be left over.

    ``closed`` says that the server closed the connection after these bytes.
    """
    responses: list[Response] = []
    for method in methods or ("GET",):
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method=method, target="/", headers=[("Host", "x"), ("Content-Length", "0")]))
        client.send(h11.EndOfMessage())
        client.receive_data(data)
        if closed:
            client.receive_data(b"")
        responses += _one_response(client)
        data, _ = client.trailing_data
    assert not data, f"left over: {data!r}"
    return responses


def _one_response(client: h11.Connection) -> list[Response]:
    """Read the response to one request, after any interim ones."""
    found: list[Response] = []
    while not isinstance(event := client.next_event(), h11.EndOfMessage):
        if isinstance(event, (h11.Response, h11.InformationalResponse)):
            found.append(Response(event.status_code, list(event.headers), b""))
        elif isinstance(event, h11.Data):
            found[-1] = found[-1]._replace(body=found[-1].body + bytes(event.data))
        else:
            raise IncompleteResponse(f"{found}, then {event}")
    return found


class Peer:
    """A client in memory, connected to a handler that gives its requests to an application.

    Settings are those of the configuration.
    """

    def __init__(
        self,
        application: ASGIApp,
        *,
        state: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        config = Config(app=application, **{"access_log": False, **settings})
        self.context = ServerContext(config, application, asyncio.get_running_loop())
        self.context.state.update(state or {})
        self.connection = Connection(self.context)
        names = {"peername": ("192.0.2.1", 50000), "sockname": ("192.0.2.2", 80)}
        self.transport = FakeTransport(**names)
        self.handler = Http11(self.connection)
        self.transport.connect(self.handler)

    async def send(self, data: bytes) -> None:
        """Send bytes and let them have their effect."""
        self.transport.receive(data)
        await settle()

    async def send_eof(self) -> None:
        """Close the client's direction."""
        self.transport.receive_eof()
        await settle()

    async def leave(self) -> None:
        """Break the connection."""
        self.transport.lose()
        await settle()

    async def stop_reading(self) -> None:
        """Let the transport's buffer fill up."""
        self.transport.protocol.pause_writing()
        await settle()

    async def read_on(self) -> None:
        """Let the transport's buffer empty."""
        self.transport.protocol.resume_writing()
        await settle()

    async def pass_time(self, seconds: float) -> None:
        """Let the server think that time has passed."""
        self.connection.tick(self.context.now + seconds)
        await settle()

    def responses(self, *methods: str) -> list[Response]:
        """Read what has come since the last call, as :func:`read_responses` does."""
        return read_responses(self.transport.take(), *methods, closed=self.closed)

    def response(self, method: str = "GET") -> Response:
        """Read the one response that has come."""
        (response,) = self.responses(method)
        return response

    @property
    def closed(self) -> bool:
        """Whether the server sends nothing more."""
        return self.transport.closing or self.transport.eof_written


class Puppet:
    """An application that does nothing by itself: a test calls `receive` and `send` in its place."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait until the test lets the call end."""
        call = Call(scope, receive, send)
        self.calls.append(call)
        await call.end

    @property
    def call(self) -> "Call":
        """The latest call."""
        return self.calls[-1]


async def started() -> tuple[Puppet, Peer]:
    """Give an application that has been asked and has begun its response, and the client."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start()
    return app, peer


class Call:
    """One call of a :class:`Puppet`; `end` is what makes it return or raise."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self, status: int = 200, headers: Any = ()) -> None:
        """Send the head of the response."""
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def body(self, body: Any = b"", *, more: bool = False) -> None:
        """Send a part of the body."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def answer(self, body: bytes = b"", status: int = 200, headers: Any = ()) -> None:
        """Send a whole response, and return."""
        await self.start(status, headers)
        await self.body(body)
        await self.finish()

    async def finish(self, error: BaseException | None = None) -> None:
        """Return from the call, or raise."""
        if error is None:
            self.end.set_result(None)
        else:
            self.end.set_exception(error)
        await settle()

    async def receive_all(self) -> list[Message]:
        """Receive until there is nothing more to come of the body."""
        messages = [await self.receive()]
        while messages[-1].get("more_body"):
            messages.append(await self.receive())
        return messages


def get(target: str = "/", *fields: str, version: str = "1.1") -> bytes:
    """Write a request without a body."""
    return request("GET", target, *fields, version=version)


def request(method: str, target: str, *fields: str, body: bytes = b"", version: str = "1.1") -> bytes:
    """Write a request with these field lines after Host."""
    lines = [f"{method} {target} HTTP/{version}", "Host: x", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
