"""ASGI 2 applications in their forms: they answer with the path, and echo what comes over a WebSocket."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from hybrid.bridge.types import Receive, Scope, Send

Instance = Callable[[Receive, Send], Awaitable[None]]


class Application:
    """A class whose instances answer, as the consumers of Channels 2."""

    def __init__(self, scope: Scope) -> None:
        if scope["type"] == "lifespan":
            raise ValueError("no lifespan")
        self.scope = scope

    async def __call__(self, receive: Receive, send: Send) -> None:
        """Answer a request, or a WebSocket."""
        if self.scope["type"] == "websocket":
            await self._echo(receive, send)
            return
        text = f"{self.scope['root_path']}|{self.scope['path']}|{self.scope['state'].get('started')}"
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": text.encode()})

    async def _echo(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})


def function(scope: Scope) -> Instance:
    """Give an instance, as a function."""
    return Application(scope)


class Router:
    """An object that gives instances, as the routers of Channels 2."""

    def __call__(self, scope: Scope) -> Instance:
        """Give an instance."""
        return Application(scope)


router = Router()


class WithLifespan(Application):
    """One that has a lifespan, whose state the others see."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, receive: Receive, send: Send) -> None:
        """Answer whatever comes."""
        if self.scope["type"] != "lifespan":
            await super().__call__(receive, send)
            return
        await receive()
        self.scope["state"]["started"] = "yes"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


def hidden(*args: Any) -> Any:
    """Tell nobody how to call it."""
    return Application(*args)


#: One whose parameter has another name, and a second one that has been given.
named = functools.partial(lambda _config, connection: Application(connection), {})


class Broken(Application):
    """One that fails in its first step."""

    def __init__(self, scope: Scope) -> None:
        raise RuntimeError("failed on purpose")


class BrokenLater(Application):
    """One that fails in its second step."""

    async def __call__(self, receive: Receive, send: Send) -> None:
        """Fail."""
        raise RuntimeError("failed on purpose")
