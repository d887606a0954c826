"""Has coroutines run on the server's event loop."""

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge import portal
from hybrid.bridge.errors import PortalError
from tests.apps import loop_witness

_variable: ContextVar[str] = ContextVar("variable", default="unset")


async def _cross() -> dict[str, object]:
    """Tell where this runs, and change the variable."""
    seen = _variable.get()
    _variable.set("of the coroutine")
    on_main = threading.current_thread() is threading.main_thread()
    return {"loop": asyncio.get_running_loop() is loop_witness.loop, "main": on_main, "seen": seen}


async def _fail() -> None:
    raise LookupError("in the coroutine")


async def _wait_for_ever() -> None:
    sys.stderr.write("waiting on the loop\n")
    await asyncio.Event().wait()


def _run() -> object:
    """Cross, and tell what has come back."""
    _variable.set("of the view")
    return {**portal.run(_cross), "variable": _variable.get()}


def _error() -> object:
    """Give what the coroutine raises."""
    try:
        portal.run(_fail)
    except LookupError as error:
        return str(error)
    return "nothing"


def _refused() -> object:
    """Ask on the loop's own thread, where it would wait for itself."""

    async def ask() -> None:
        portal.run(_cross)

    try:
        portal.run(ask)
    except PortalError as error:
        return str(error)
    return "nothing"


def _endless() -> object:
    """Wait for what never comes."""
    portal.run(_wait_for_ever)
    return "it came"


_VIEWS: dict[str, Callable[[], object]] = {
    "/run": _run,
    "/error": _error,
    "/refused": _refused,
    "/endless": _endless,
}


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with what the view of a path gives, as JSON."""
    body = json.dumps(_VIEWS[environ["PATH_INFO"]]()).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]
