"""Shows what flows from the loop to the thread, and what stays on the thread."""

import json
import threading
from collections.abc import Iterable
from contextvars import ContextVar
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge.types import ASGIApp, Resolver, Scope
from hybrid.bridge.wsgi.adapter import WSGIToASGI
from hybrid.bridge.wsgi.threadpool import ThreadPool

_of_the_loop: ContextVar[str] = ContextVar("of_the_loop", default="unset")
_of_the_thread: ContextVar[str] = ContextVar("of_the_thread", default="unset")
_local = threading.local()


def _app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Show the variables, and then change what there is to change."""
    _local.requests = getattr(_local, "requests", 0) + 1
    shown = {
        "of_the_loop": _of_the_loop.get(),
        "of_the_thread": _of_the_thread.get(),
        "requests": _local.requests,
        "thread": threading.current_thread().name,
    }
    _of_the_loop.set("changed by a request")
    _of_the_thread.set("set by a request")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(shown).encode()]


class _Middleware(Resolver):
    """Sets a variable on the loop, for the application below."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Take the query for the variable."""
        _of_the_loop.set(scope["query_string"].decode())
        return self._application, scope


app = _Middleware(WSGIToASGI(_app, pool=ThreadPool(1, name="context")))
