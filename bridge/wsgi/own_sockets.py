"""WSGI applications that bring an ASGI application for their WebSockets along.

The protocol, which any library may follow: the WSGI application object has an attribute
``__hybrid_websocket__``, an ASGI 3 application. It is given the ``websocket`` scopes that would be the WSGI
application's, and a lifespan. If it has a method ``takes(scope) -> bool`` that returns False, which is called
on the event loop and should be quick, the WSGI application itself is given the WebSocket, as it would be
without the attribute: see :mod:`hybrid.bridge.wsgi.sockets`.
"""

from collections.abc import Callable
from typing import Final

from hybrid.bridge.lanes import Lanes
from hybrid.bridge.types import ASGIApp, Resolver, Scope

#: The name of the attribute.
WEBSOCKET_ATTRIBUTE: Final = "__hybrid_websocket__"


def own_sockets(application: object) -> ASGIApp | None:
    """Return the ASGI application that a WSGI application brings along."""
    return getattr(application, WEBSOCKET_ATTRIBUTE, None)


class SharedSockets(Resolver):
    """WebSockets that an ASGI application takes, and those that it leaves to the WSGI application.

    Args:
        own: the ASGI application.
        takes: whether it takes the WebSocket of a scope.
        others: what is given the others.
    """

    def __init__(self, own: ASGIApp, takes: Callable[[Scope], bool], others: ASGIApp) -> None:
        self.own = own
        self.others = others
        self._takes = takes

    def __repr__(self) -> str:
        return f"SharedSockets({self.own!r}, {self.others!r})"

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Return who takes it, and the scope itself."""
        is_others = scope["type"] == "websocket" and not self._takes(scope)
        return (self.others if is_others else self.own), scope


def shared(own: ASGIApp, others: ASGIApp | None) -> ASGIApp:
    """Return what is given the WebSockets of a WSGI application that brings ``own`` along."""
    takes: Callable[[Scope], bool] | None = getattr(own, "takes", None)
    return own if takes is None or others is None else SharedSockets(own, takes, others)


def parts_of(leaf: ASGIApp) -> tuple[ASGIApp, ...]:
    """Return what requests end at below a leaf of the gateway."""
    if isinstance(leaf, Lanes):
        return leaf.parts
    return (leaf.own, leaf.others) if isinstance(leaf, SharedSockets) else (leaf,)
