"""WSGI applications that bring an ASGI application for their WebSockets along; one leaves some."""

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge.types import Receive, Scope, Send


class Own:
    """Accepts, says where, and closes; leaves what is below `/wsgi` to the WSGI application."""

    def takes(self, scope: Scope) -> bool:
        """Tell whose it is."""
        if scope["path"] == "/failing":
            raise RuntimeError("on purpose")
        return "/wsgi" not in scope["path"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": f"own {scope['root_path']} {scope['path']}"})


class Application:
    """Answers HTTP, and WebSockets that are left to it."""

    def __init__(self, own: Any) -> None:
        self.__hybrid_websocket__ = own

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with what is there."""
        has_socket = "werkzeug.socket" in environ
        start_response("409 Conflict" if has_socket else "200 OK", [("Content-Type", "text/plain")])
        return [b"wsgi"]


async def everything(scope: Scope, receive: Receive, send: Send) -> None:
    """Take all WebSockets."""
    await Own()(scope, receive, send)


app = Application(Own())
takes_all = Application(everything)
