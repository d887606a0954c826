"""What a router needs to find the application for a path: calls of it, with nothing around them.

    python -m benchmarks.matching ROUTER ROUTES SECONDS

prints the calls and the CPU seconds that they took, as JSON. Every route is asked for equally often, so a
router that looks at one after the other looks at half of them; the application below only notes what it was
given.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, MutableMapping
from itertools import cycle
from typing import Any, Final

Scope = MutableMapping[str, Any]
Router = Callable[[Scope, Any, Any], Coroutine[Any, Any, None]]

#: Between two looks at the clock.
_BATCH: Final = 100
#: Of the numbers of routes: has no divisor in common with their count, so that all get their turn.
_STRIDE: Final = 617


class Note:
    """An application that notes the last scope that it was given."""

    scope: Scope

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Note it."""
        self.scope = scope


def hybrid(count: int, application: Note) -> Router:
    """Ours."""
    from hybrid.bridge import URLRouter, path

    return URLRouter([path(f"rooms{number}/<int:room>/", application) for number in range(count)])


def channels(count: int, application: Note) -> Router:
    """Channels', with Django's patterns."""
    from channels.routing import URLRouter
    from django.urls import path  # type: ignore[import-untyped]

    router: Router = URLRouter([path(f"rooms{number}/<int:room>/", application) for number in range(count)])
    return router


def starlette(count: int, application: Note) -> Router:
    """Starlette's, which is FastAPI's, too."""
    from starlette.routing import Router as StarletteRouter
    from starlette.routing import WebSocketRoute

    # Its annotation knows functions; an object that can be called is taken for an ASGI application.
    endpoint: Any = application
    return StarletteRouter(
        [WebSocketRoute(f"/rooms{number}/{{room:int}}/", endpoint) for number in range(count)]
    )


ROUTERS: dict[str, Callable[[int, Note], Router]] = {
    "hybrid": hybrid,
    "channels": channels,
    "starlette": starlette,
}


def scopes(count: int) -> Iterator[Scope]:
    """The scopes of connections to one route after the other, again and again."""
    for number in cycle(range(count)):
        path = f"/rooms{number * _STRIDE % count}/42/"
        yield {"type": "websocket", "path": path, "root_path": "", "headers": [], "query_string": b""}


def argument(scope: Scope) -> object:
    """The room that a router has found, which each keeps elsewhere."""
    found = scope.get("path_params") or scope["url_route"]["kwargs"]
    return found["room"]


async def match(router: Router, application: Note, count: int, seconds: float) -> tuple[int, float]:
    """Call a router for so long; give the number of calls and the CPU seconds, without those for the scopes.

    Raises `ValueError` when it finds something else than it should.
    """
    calls, spent = 0, 0.0
    source = scopes(count)
    while spent < seconds:
        batch = [next(source) for _ in range(_BATCH)]
        start = time.process_time()
        for scope in batch:
            await router(scope, None, None)
        spent += time.process_time() - start
        calls += _BATCH
        if argument(application.scope) != 42:
            raise ValueError(f"the router has found {application.scope!r}")
    return calls, spent


def main(router: str, count: int, seconds: float) -> None:
    """Warm up, measure, and print."""
    application = Note()
    made = ROUTERS[router](count, application)
    asyncio.run(match(made, application, count, seconds / 4))
    calls, cpu = asyncio.run(match(made, application, count, seconds))
    print(json.dumps({"calls": calls, "cpu": cpu}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
