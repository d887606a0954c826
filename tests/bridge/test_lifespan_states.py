"""The state that several lifespans leave, and the time that they have to stop."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from hybrid.bridge.errors import LifespanError
from hybrid.bridge.gateway import Gateway, Target
from hybrid.bridge.lifespan import Lifespan, OwnState
from hybrid.bridge.routing import PathRouter
from hybrid.bridge.types import LifespanMode, Receive, Scope, Send
from hybrid.bridge.wsgi.threadpool import ThreadPool
from hybrid.server.config import Config
from hybrid.server.server import Server
from tests.support.embedded import DEADLINE, on_each_loop, port_of, serving


def starlette(notes: list[str], name: str, fails: bool = False, **state: str) -> Starlette:
    """Make an application with a lifespan that leaves a state, and answers with what its requests find."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, str]]:
        notes.append(f"{name} starts")
        if fails:
            raise RuntimeError("no database")
        yield state
        notes.append(f"{name} stops")

    async def answer(request: Request) -> JSONResponse:
        return JSONResponse({key: request.scope["state"][key] for key in request.scope["state"]})

    return Starlette(routes=[Route("/", answer)], lifespan=lifespan)


def gateway(**apps: object) -> Gateway:
    """Mount applications at their names."""
    targets = [Target(app, f"/{name}", name) for name, app in apps.items()]
    return Gateway(targets, pool=ThreadPool(1))


async def states(app: object, *names: str, **settings: Any) -> list[dict[str, str]]:
    """Serve an application, and return what requests to the mounts of it find."""
    async with serving(app, **settings) as (server, _), httpx.AsyncClient(timeout=DEADLINE) as client:
        base = f"http://127.0.0.1:{port_of(server)}"
        answers = [await client.get(f"{base}/{name}/") for name in names]
        return [answer.json() for answer in answers]


@pytest.mark.parametrize("mode", ["auto", "on"])
@on_each_loop
async def test_states_are_merged(mode: LifespanMode) -> None:
    """Each mounted Starlette application has its lifespan, in order and back; all find what all have left."""
    notes: list[str] = []
    app = gateway(a=starlette(notes, "a", one="a's"), b=starlette(notes, "b", two="b's"))
    both = {"one": "a's", "two": "b's"}
    assert await states(app, "a", "b", lifespan=mode) == [both, both]
    assert notes == ["a starts", "b starts", "b stops", "a stops"]


@on_each_loop
async def test_lifespan_off() -> None:
    """With `lifespan="off"` none of them runs."""
    notes: list[str] = []
    app = gateway(a=starlette(notes, "a", one="a's"), b=starlette(notes, "b"))
    assert await states(app, "a", "b", lifespan="off") == [{}, {}]
    assert notes == []


@on_each_loop
async def test_keys_that_two_applications_set(caplog: pytest.LogCaptureFixture) -> None:
    """Of a key that several set each sees its own value; the others see the first one, and the log tells."""
    notes: list[str] = []
    app = gateway(
        a=starlette(notes, "a", db="a's"),
        b=starlette(notes, "b", db="b's", cache="b's"),
        c=starlette(notes, "c"),
    )
    with caplog.at_level(logging.INFO, "hybrid"):
        found = await states(app, "a", "b", "c")
    assert [each["db"] for each in found] == ["a's", "b's", "a's"]
    assert [each["cache"] for each in found] == ["b's"] * 3
    assert 'b: sets in the lifespan\'s state "db", as a does: each sees its own' in caplog.messages


@on_each_loop
async def test_failure_names_the_application() -> None:
    """A startup that fails stops the start, says whose it was, and shuts down what had started."""
    notes: list[str] = []
    app = gateway(a=starlette(notes, "a"), b=starlette(notes, "b", fails=True), c=starlette(notes, "c"))
    server = Server(Config(app=app, port=0))
    with pytest.raises(LifespanError, match="b: lifespan startup failed: RuntimeError: no database"):
        await server.serve()
    assert notes == ["a starts", "b starts", "a stops"]
    assert server.listeners is None


def test_keys_that_nobody_can_keep_apart() -> None:
    """Where nobody can give applications different states, such a key is a failure that names both."""
    notes: list[str] = []
    apps = [starlette(notes, "a", db="a's"), starlette(notes, "b", db="b's")]
    lifespan = Lifespan(apps, names=["a", "b"])
    with pytest.raises(LifespanError, match='b: sets in the lifespan\'s state "db", as a does'):
        asyncio.run(lifespan.startup({}))
    assert notes == ["a starts", "b starts", "b stops", "a stops"]


@on_each_loop
async def test_a_router_of_its_own_cannot() -> None:
    """A router that somebody has built by hand is such a place."""
    notes: list[str] = []
    router = PathRouter({"/a": starlette(notes, "a", db="1"), "/b": starlette(notes, "b", db="2")})
    with pytest.raises(LifespanError, match='state "db"'):
        await Server(Config(app=router, port=0)).serve()


def test_own_state() -> None:
    """An application's own values replace those of the scope, which is left alone."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Do nothing."""

    scope = {"type": "http", "state": {"db": 1, "cache": 2}}
    separated = OwnState(app, {"db": 3})
    assert separated.resolve(scope) == (app, {"type": "http", "state": {"db": 3, "cache": 2}})
    assert separated.resolve({})[1] == {"state": {"db": 3}}
    assert scope["state"] == {"db": 1, "cache": 2}
    assert repr(separated).endswith("['db']>")


def test_a_shutdown_that_hangs_leaves_time_for_the_others() -> None:
    """An application that does not stop is cut off after its share, and named; the others stop in order."""
    notes: list[str] = []

    async def hangs(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            await asyncio.Event().wait()
        finally:
            notes.append("cancelled")

    async def live() -> None:
        lifespan = Lifespan([starlette(notes, "a"), hangs], names=["a", "b"])
        await lifespan.startup({})
        await lifespan.shutdown(2)

    with pytest.raises(LifespanError, match=r"^b: cutting off lifespan shutdown after 1\.0 s$"):
        asyncio.run(live())
    assert notes == ["a starts", "cancelled", "a stops"]


def test_the_extensions_of_the_server() -> None:
    """What a server offers is in the scopes of all applications; without it there is nothing."""
    found: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(scope.get("extensions"))

    for extensions in (None, {"x": 1}):
        asyncio.run(Lifespan([app, app]).startup({}, extensions))
    assert found == [None, None, {"x": 1}, {"x": 1}]
