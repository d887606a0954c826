"""A real Django project in one file, on its WSGI handler."""

import asyncio
import threading
from collections.abc import Iterator

import django  # type: ignore[import-untyped]
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings  # type: ignore[import-untyped]
from django.core.handlers.wsgi import WSGIHandler  # type: ignore[import-untyped]
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse  # type: ignore[import-untyped]
from django.urls import path, reverse  # type: ignore[import-untyped]

from tests.apps import loop_witness

settings.configure(
    ALLOWED_HOSTS=["*"],
    DEBUG=False,
    ROOT_URLCONF=__name__,
    SECRET_KEY="for the tests",
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    USE_TZ=True,
)
django.setup()


def hello(request: HttpRequest, name: str) -> HttpResponse:
    """Greet, and say where this is."""
    return HttpResponse(f"Hello, {name}, at {reverse('hello', args=[name])}")


def upload(request: HttpRequest) -> HttpResponse:
    """Tell the size of the body, chunked or not."""
    return JsonResponse({"size": len(request.body)})


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Stream."""

    def parts() -> Iterator[str]:
        for number in range(3):
            yield f"{number}\n"

    return StreamingHttpResponse(parts(), content_type="text/plain")


def crossing(request: HttpRequest) -> JsonResponse:
    """Run a coroutine, which comes back to the thread: tell where both were."""

    async def cross() -> tuple[bool, int]:
        return asyncio.get_running_loop() is loop_witness.loop, await sync_to_async(threading.get_ident)()

    on_the_servers_loop, thread = async_to_sync(cross)()
    return JsonResponse({"loop": on_the_servers_loop, "thread": thread == threading.get_ident()})


def broken(request: HttpRequest) -> HttpResponse:
    """Fail."""
    raise ValueError("in a view")


urlpatterns = [
    path("hello/<name>", hello, name="hello"),
    path("upload", upload),
    path("stream", stream),
    path("crossing", crossing),
    path("broken", broken),
]
app = WSGIHandler()
