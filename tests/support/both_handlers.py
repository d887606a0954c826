"""Sends requests through Django's synchronous and asynchronous handlers, to modules of middleware or views.

``python -m tests.support.both_handlers FILE…`` prints, for each file, what its middleware and its views
answer to the clients for both handlers. A module of views is one that has no middleware.
"""

import asyncio
import json
import runpy
import sys
import types
import warnings
from collections.abc import Callable
from typing import Any

import django  # type: ignore[import-untyped]
from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings  # type: ignore[import-untyped]

PATHS = ("/", "/early/", "/plain/", "/?raw=1")


def main(files: list[str]) -> None:
    """Print what comes of all of them."""
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
        ROOT_URLCONF="asked_urls",
        SECRET_KEY="a",
    )
    django.setup()
    sys.modules["asked_urls"] = types.ModuleType("asked_urls")
    sys.stdout.write(json.dumps({file: asked(file, number) for number, file in enumerate(files)}))


def asked(file: str, number: int) -> dict[str, Any]:
    """Return what the middleware, or the views, of a file answer, by their names."""
    name = f"asked_{number}"
    module = types.ModuleType(name)
    module.__dict__.update(runpy.run_path(file, run_name=name))
    sys.modules[name] = module
    views = {each: view for each, view in vars(module).items() if is_view(module, view)}
    if views:
        return {each: both(view) for each, view in views.items()}
    return {
        each: answers(f"{name}.{each}", made) for each, made in vars(module).items() if is_own(module, made)
    }


def both(view: Any) -> dict[str, Any]:
    """Return what a view streams to both handlers."""
    return {"sync": streamed(view), "async": asyncio.run(streamed_async(view))}


def is_own(module: types.ModuleType, thing: Any) -> bool:
    """Tell whether a module defines something."""
    return callable(thing) and getattr(thing, "__module__", "") == module.__name__


def is_view(module: types.ModuleType, thing: Any) -> bool:
    """Tell whether something is a view: a class of them, or a function of a request."""
    code = getattr(thing, "__code__", None)
    takes = code.co_varnames[:1] == ("request",) if code else hasattr(thing, "as_view")
    return takes and is_own(module, thing) and not thing.__name__.startswith("_")


def answers(path: str, made: Any) -> dict[str, Any]:
    """Return what a project with one middleware answers, by the handler and the kind of view."""
    found: dict[str, Any] = {"asynchronous": becomes_async(made)}
    for kind, view in (("sync", see), ("async", see_async)):
        with serving(view, path) as clients:
            found[f"sync {kind}"] = [shown(clients[0].get(each)) for each in PATHS]
            found[f"async {kind}"] = asyncio.run(shown_async(clients[1]))
    return found


def becomes_async(made: Any) -> bool:
    """Tell whether a middleware is asynchronous around what is."""

    async def get_response(request: Any) -> None:
        """Do nothing."""

    return bool(getattr(made, "async_capable", False)) and iscoroutinefunction(made(get_response))


def see(request: Any) -> Any:
    """Answer with what has been noted in the request."""
    from django.http import JsonResponse  # type: ignore[import-untyped]

    names = ("before", "id", "marked", "number")
    return JsonResponse({name: str(getattr(request, name)) for name in names if hasattr(request, name)})


async def see_async(request: Any) -> Any:
    """Answer the same."""
    return see(request)


class serving:  # noqa: N801 - used as a function
    """A project with one view for all paths, for a while; gives a client for each handler."""

    def __init__(self, view: Callable[..., Any], *middleware: str) -> None:
        self._view, self._middleware = view, middleware

    def __enter__(self) -> tuple[Any, Any]:
        from django.test import AsyncClient, Client, override_settings  # type: ignore[import-untyped]
        from django.urls import clear_url_caches, re_path  # type: ignore[import-untyped]

        sys.modules["asked_urls"].urlpatterns = [re_path("", self._view)]  # type: ignore[attr-defined]
        clear_url_caches()
        self._settings = override_settings(MIDDLEWARE=list(self._middleware))
        self._settings.enable()
        return Client(raise_request_exception=False), AsyncClient(raise_request_exception=False)

    def __exit__(self, *_: object) -> None:
        self._settings.disable()


def shown(response: Any) -> list[Any]:
    """Return what a client sees of a response."""
    return [response.status_code, sorted(response.headers.items()), response.content.decode()]


async def shown_async(client: Any) -> list[Any]:
    """Return the same of the asynchronous handler."""
    return [shown(await client.get(each)) for each in PATHS]


def streamed(view: Any) -> dict[str, Any]:
    """Return what a view streams to the synchronous handler."""
    with told() as warned, serving(callback(view)) as clients:
        response = clients[0].get("/")
        return {**head(response), "parts": [each.decode() for each in response], "warned": bool(warned)}


async def streamed_async(view: Any) -> dict[str, Any]:
    """Return what a view streams to the asynchronous handler, and what of it is made by when."""
    made = view.__globals__.get("made", []) if hasattr(view, "__globals__") else []
    made.clear()
    with told() as warned, serving(callback(view)) as clients:
        response = await clients[1].get("/")
        parts, first = list[str](), list[str]()
        async for each in response:
            parts.append(each.decode())
            first = first or list(made)
        await sync_to_async(response.close)()
        everything = list(made)
        made.clear()
        await left(await clients[1].get("/"))
        found = {
            "parts": parts,
            "warned": bool(warned),
            "first": first,
            "made": everything,
            "left": list(made),
        }
        return {**head(response), **found}


async def left(response: Any) -> None:
    """Read one part of a response, and end it as a server does when the client has gone."""
    parts = aiter(response)
    await anext(parts)
    await parts.aclose()
    await sync_to_async(response.close)()


def callback(view: Any) -> Any:
    """Return what a route has of a view."""
    return view.as_view() if hasattr(view, "as_view") else view


def head(response: Any) -> dict[str, Any]:
    """Return the head of a response."""
    return {"status": response.status_code, "headers": sorted(response.headers.items())}


def told() -> Any:
    """Note warnings."""
    return warnings.catch_warnings(record=True, action="always")


if __name__ == "__main__":
    main(sys.argv[1:])
