"""What all routers have in common: they are ASGI applications, and say which application they choose."""

import asyncio
from typing import Any

import pytest

from hybrid.bridge import ChannelNameRouter, HostRouter, PathRouter, ProtocolTypeRouter, URLRouter, path
from hybrid.bridge.types import Receive, Resolver, Scope, Send


class Kept:
    """An application that keeps what it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[Scope, Any, Any]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep it."""
        self.calls.append((scope, receive, send))


APP = Kept()
SOCKET: Scope = {"type": "websocket", "path": "/a/5", "root_path": "", "headers": [(b"host", b"x.example")]}
CHANNEL: Scope = {"type": "channel", "channel": "thumbnails"}

ROUTERS: list[tuple[Resolver, Scope]] = [
    (ProtocolTypeRouter({"websocket": APP}), SOCKET),
    (URLRouter([path("a/<int:number>", APP)]), SOCKET),
    (HostRouter({"x.example": APP}), SOCKET),
    (PathRouter({"/a": APP}), SOCKET),
    (ChannelNameRouter({"thumbnails": APP}), CHANNEL),
]


@pytest.mark.parametrize(("router", "scope"), ROUTERS, ids=lambda value: type(value).__name__)
def test_a_router_is_called_and_asked(router: Resolver, scope: Scope) -> None:
    """Awaiting a router is awaiting what `resolve` gives, with the scope that comes with it; the scope that
    was given stays as it is.
    """
    before = dict(scope)
    application, inner = router.resolve(scope)
    assert application is APP

    async def receive() -> Any:
        raise AssertionError("there is nothing to receive")

    async def send(message: Any) -> None:
        raise AssertionError("there is nothing to send")

    asyncio.run(router(scope, receive, send))
    assert APP.calls.pop() == (inner, receive, send)
    assert scope == before


def test_all_routers_are_here() -> None:
    """A router that is added has its row."""
    assert {type(router) for router, _ in ROUTERS} == {
        kind
        for kind in Resolver.__subclasses__()
        if kind.__module__.startswith("hybrid.bridge.") and kind.__name__.endswith("Router")
    }


def test_a_channel_without_an_application() -> None:
    """That is a mistake of the program's, as no client can name one: it is raised, and says so."""
    router = ChannelNameRouter({"thumbnails": APP})
    with pytest.raises(ValueError, match="no application is configured for the channel 'mail'"):
        router.resolve({"type": "channel", "channel": "mail"})
    with pytest.raises(ValueError, match="put it below the type 'channel'"):
        router.resolve(SOCKET)
