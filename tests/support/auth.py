"""What the tests of authentication share: a table of who is known, and the application behind it."""

import asyncio
from typing import Any

from hybrid.bridge.auth import Authentication, BearerToken, Identity
from hybrid.bridge.types import Headers, Message, Receive, Scope, Send
from tests.support.consumers import Line


class Known:
    """Says whose a token is, from a table that a test may change.

    Attributes:
        users: the identity of each token; an exception is raised.
        asked: how often it was asked.
    """

    def __init__(self, **users: Identity | Exception | None) -> None:
        self.users = users
        self.asked = 0

    async def __call__(self, token: str) -> Identity | None:
        """Answer."""
        self.asked += 1
        answer = self.users.get(token)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Witness:
    """Accepts, and keeps what it receives and what scopes it is called with.

    Attributes:
        scopes: of all calls.
        received: all messages.
        send: of the last call.
    """

    send: Send

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.received: list[Message] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        self.scopes.append(scope)
        self.send = send
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": f"{scope['user']}".encode()})
            return
        while True:
            message = await receive()
            self.received.append(message)
            if message["type"] == "websocket.connect":
                await send({"type": "websocket.accept"})
            elif message["type"] == "websocket.disconnect":
                return


def bearer(token: str) -> Headers:
    """Give the fields of a request with a token."""
    return [(b"authorization", f"Bearer {token}".encode())]


def line_to(app: Any, token: str | None = None, **scope: Any) -> Line:
    """Begin a WebSocket with a token."""
    return Line(app, headers=[] if token is None else bearer(token), **scope)


async def closed(line: Line) -> tuple[int, str]:
    """Wait until a line is closed by the server's side; let the client answer, and return code and reason."""
    async with asyncio.timeout(20):
        while not line.sent or line.sent[-1]["type"] != "websocket.close":
            await asyncio.sleep(0.001)
    message = line.sent[-1]
    line.leave(message["code"])
    await line.end()
    return message["code"], message["reason"]


def guarded(known: Known, **options: Any) -> tuple[Authentication, Witness]:
    """Put a witness behind bearer tokens."""
    witness = Witness()
    return Authentication(witness, BearerToken(known), **options), witness
