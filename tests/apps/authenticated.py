"""WebSockets behind each kind of authentication, with notes of what happens to them on stderr."""

import asyncio
import sys
import time
from typing import Any

from hybrid import AsyncWebsocketConsumer, ProtocolTypeRouter, URLRouter, path
from hybrid.bridge.auth import (
    AllowedHostsOriginValidator,
    Authentication,
    BearerToken,
    CookieSession,
    FirstMessageToken,
    Identity,
    OriginValidator,
    SubprotocolToken,
    disconnect_user,
    static_tokens,
)
from hybrid.bridge.types import ASGIApp, Receive, Scope, Send
from tests.apps.whoami import whoami

#: Of the user whose name they begin with.
ANN, BOB = "ann-0123456789abcdef", "bob-0123456789abcdef"

verify = static_tokens({ANN: "ann", BOB: Identity("bob", {"name": "Bob"}, claims={"role": "admin"})})
blocked: set[str] = set()


def note(what: str) -> None:
    """Tell the test."""
    sys.stderr.write(f"note: {what}\n")


class Talk(AsyncWebsocketConsumer):
    """Says who is there, and sends back what comes."""

    async def connect(self) -> None:
        """Accept the first subprotocol that is offered, as far as this can see."""
        offered = self.scope["subprotocols"]
        fields = [value for name, value in self.scope["headers"] if name == b"sec-websocket-protocol"]
        await self.accept(offered[0] if offered else None)
        await self.send(f"{self.scope['user']} {offered} {fields}")

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer; `block NAME` ends the sign-in of somebody, and `out NAME` closes all sockets of theirs."""
        command, _, name = (text_data or "").partition(" ")
        if command == "block":
            blocked.add(name)
        elif command == "out":
            disconnect_user(name, 4409, "out")
        else:
            await self.send(text_data, bytes_data)

    async def disconnect(self, code: int) -> None:
        """Tell."""
        note(f"{self.scope['path']} left {code}")


def load(cookie: str) -> Identity | None:
    """Say whose a cookie is (worker)."""
    name, _, seconds = cookie.partition(":")
    if name == "fails":
        raise RuntimeError("on purpose")
    if name == "nobody" or name in blocked:
        return None
    return Identity(name, expires=time.time() + float(seconds) if seconds else None)


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """Say who asks."""
    body = f"{scope['user']}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})


async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
    """Send, and never receive: what ends it is that sending raises."""
    await receive()
    await send({"type": "websocket.accept"})
    note("deaf begins")
    try:
        while True:
            await send({"type": "websocket.send", "text": "x"})
            await asyncio.sleep(0.005)
    except OSError as error:
        note(f"deaf ends: {type(error).__name__}")
        raise


class Refusing(AsyncWebsocketConsumer):
    """Takes nobody."""

    async def connect(self) -> None:
        """Refuse."""
        await self.close()


talk = Talk.as_asgi()


def cookie(application: ASGIApp = talk, **options: Any) -> ASGIApp:
    """Put an application behind a cookie."""
    return Authentication(application, CookieSession("who", load), **options)


visited = Authentication(talk, BearerToken(verify), required=False)
first = FirstMessageToken(verify, timeout=30, subprotocols=["chat", "v2"])
app = ProtocolTypeRouter(
    {
        "http": Authentication(page, BearerToken(verify), CookieSession("who", load)),
        "websocket": URLRouter(
            [
                path("listed", OriginValidator(visited, ["https://shop.example"])),
                path("own", AllowedHostsOriginValidator(visited)),
                path("plain", Authentication(whoami, BearerToken(verify))),
                path("bearer", Authentication(talk, BearerToken(verify))),
                path("optional", Authentication(talk, BearerToken(verify), required=False, anonymous="x")),
                path("cookie", cookie()),
                path("rechecked", cookie(recheck=0.5, expired_code=4444)),
                path("deaf", cookie(deaf)),
                path("subprotocol", Authentication(talk, SubprotocolToken(verify))),
                path("first", Authentication(talk, SubprotocolToken(verify), first)),
                path("hurried", Authentication(talk, FirstMessageToken(verify, timeout=0.05))),
                path("refusing", Authentication(Refusing.as_asgi(), FirstMessageToken(verify))),
            ]
        ),
    }
)
