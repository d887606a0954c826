"""Routes whose views do well on one lane and not so well on the other, for tests that move them."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from django.http import HttpRequest, JsonResponse, StreamingHttpResponse  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]

import hybrid


def _here() -> str:
    return threading.current_thread().name


def _is_on_asgi() -> bool:
    return not _here().startswith("wsgi")


def quick(request: HttpRequest) -> JsonResponse:
    """Say where this runs."""
    return JsonResponse({"thread": _here()})


async def quick_async(request: HttpRequest) -> JsonResponse:
    """Say where this runs."""
    return JsonResponse({"thread": _here()})


def waits(request: HttpRequest) -> JsonResponse:
    """Begin, wait until a file is there, and say where this ran."""
    began = _here()
    _begin(request)
    _wait(request, "go")
    return JsonResponse({"began": began, "ended": _here()})


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Say where each part comes from, of which the second one waits for a file."""

    def parts() -> Iterator[str]:
        yield f"{_here()}\n"
        _wait(request, "go")
        yield f"{_here()}\n"

    _begin(request)
    return StreamingHttpResponse(parts())


async def stream_async(request: HttpRequest) -> StreamingHttpResponse:
    """Do the same without a thread that waits."""

    async def parts() -> AsyncIterator[str]:
        yield f"{_here()}\n"
        while not (Path(request.GET["gate"]) / "go").exists():
            await asyncio.sleep(0.005)
        yield f"{_here()}\n"

    _begin(request)
    return StreamingHttpResponse(parts())


def _begin(request: HttpRequest) -> None:
    (Path(request.GET["gate"]) / request.GET["name"]).touch()


def _wait(request: HttpRequest, name: str) -> None:
    step = threading.Event()
    while not (Path(request.GET["gate"]) / name).exists():
        step.wait(0.005)


def fails(request: HttpRequest) -> JsonResponse:
    """Fail on the asgi lane."""
    if _is_on_asgi():
        raise RuntimeError("not on this lane")
    return quick(request)


@hybrid.lane("wsgi")
async def blocks(request: HttpRequest) -> JsonResponse:
    """Hold up the loop that this runs on: on the wsgi lane its own, on the asgi lane that of the server."""
    time.sleep(0.06)  # noqa: ASYNC251 - what must not be done
    return JsonResponse({"thread": _here()})


def slow(request: HttpRequest) -> JsonResponse:
    """Take long on the asgi lane."""
    if _is_on_asgi():
        threading.Event().wait(0.3)
    return quick(request)


urlpatterns = [
    path("quick", quick, name="quick"),
    path("quick/async", quick_async, name="quick-async"),
    path("waits", waits, name="waits"),
    path("stream", stream, name="stream"),
    path("stream/async", stream_async, name="stream-async"),
    path("fails", fails, name="fails"),
    path("blocks", blocks, name="blocks"),
    path("slow", slow, name="slow"),
    path("below/quick", quick),
]
