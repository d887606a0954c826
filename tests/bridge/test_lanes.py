"""Applications of which each request is served on a thread or on the loop."""

import asyncio
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse

import pytest

from hybrid.bridge.errors import LoadError
from hybrid.bridge.gateway import Gateway, Target
from hybrid.bridge.interface import Interface, detect
from hybrid.bridge.lanes import Lanes, TwoLanes
from hybrid.bridge.types import ASGIApp, Receive, Scope, Send
from hybrid.bridge.wsgi.adapter import WSGIToASGI
from hybrid.bridge.wsgi.threadpool import ThreadPool


async def on_loop(scope: Scope, receive: Receive, send: Send) -> None:
    """Be the ASGI application."""


async def sockets(scope: Scope, receive: Receive, send: Send) -> None:
    """Be the application for WebSockets, and know no lifespan."""
    assert scope["type"] == "websocket"


class Chooses(Lanes):
    """Chooses by the path."""

    runs_on = "here and there"

    def __init__(self, parts: tuple[ASGIApp, ASGIApp]) -> None:
        self.parts = parts
        self.lifespans: list[str] = []

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Return the application."""
        if scope["type"] == "lifespan":
            return self._live, scope
        return self.parts["loop" in scope["path"]], scope

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        for what in ("startup", "shutdown"):
            await receive()
            self.lifespans.append(what)
            await send({"type": f"lifespan.{what}.complete"})


class Application(TwoLanes):
    """An application with two lanes."""

    sockets_name = "its sockets"

    def __init__(self, sockets: ASGIApp | None) -> None:
        self.wsgi = self._wsgi
        self.sockets = sockets
        self.chooses: Chooses | None = None
        self.threads = 0

    def _wsgi(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        return []

    def lanes(self, threaded: ASGIApp, threads: int, stuck: int) -> Lanes:
        """Return what chooses."""
        self.threads = threads
        self.chooses = Chooses((threaded, on_loop))
        return self.chooses


def resolved(gateway: Gateway, **scope: object) -> ASGIApp:
    """Follow the routers."""
    application, _ = gateway.resolve({"type": "http", "root_path": "", **scope})
    while isinstance(application, (Chooses, Gateway)):
        application, _ = application.resolve({"type": "http", **scope})
    return application


def test_each_request_has_its_lane() -> None:
    """The application says which; the WebSockets are its own, with a row of their own."""
    application = Application(sockets)
    gateway = Gateway([Target(application, name="both")], pool=ThreadPool(3))
    assert detect(application) is Interface.BOTH
    assert application.threads == 3
    threaded = resolved(gateway, path="/")
    assert isinstance(threaded, WSGIToASGI)
    assert threaded.app == application.wsgi
    assert resolved(gateway, path="/loop") is on_loop
    assert resolved(gateway, path="/", type="websocket") is sockets
    assert [(row.protocols, row.application, row.interface, row.runs_on) for row in gateway.routes()] == [
        (("http",), "both", "wsgi+asgi", "here and there"),
        (("websocket",), "its sockets", "asgi3", "event loop"),
    ]
    assert gateway.labels()[id(on_loop)] == ("both", "")
    assert gateway.labels()[id(threaded)] == ("both", "wsgi")


def test_without_sockets_web_sockets_are_refused_or_anothers() -> None:
    """An ASGI application beside it takes them."""
    gateway = Gateway([Target(Application(None))], pool=ThreadPool())
    assert [row.protocols for row in gateway.routes()] == [("http",)]
    assert resolved(gateway, path="/", type="websocket").__name__ == "not_found"
    beside = Gateway([Target(Application(None)), Target(sockets)], pool=ThreadPool())
    assert resolved(beside, path="/", type="websocket") is sockets


def test_the_application_has_its_lifespan() -> None:
    """For what it keeps on its own threads."""
    application = Application(None)
    gateway = Gateway([Target(application)], pool=ThreadPool())

    async def live() -> None:
        lifespan = gateway.lifespan()
        await lifespan.startup({})
        await lifespan.shutdown()

    asyncio.run(live())
    assert application.chooses is not None
    assert application.chooses.lifespans == ["startup", "shutdown"]


def test_its_threads_may_be_those_of_another_pool() -> None:
    """As for a WSGI application; one that is not there is refused."""
    pool, slow = ThreadPool(), ThreadPool(2, name="slow")
    application = Application(None)
    Gateway([Target(application, pool="slow")], pool=pool, pools={"slow": slow})
    assert application.threads == 2
    assert application.leave_thread in slow.at_thread_end
    with pytest.raises(LoadError, match='there is no pool "fast"'):
        Gateway([Target(application, pool="fast")], pool=pool)
