"""A Django project whose views publish to the room: as a WSGI application, and as an ASGI application."""

from typing import Any

import django  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-untyped]

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DEBUG=False,
    ROOT_URLCONF=__name__,
    SECRET_KEY="for the tests",
    USE_TZ=True,
)
django.setup()

from django.core.asgi import get_asgi_application  # type: ignore[import-untyped]  # noqa: E402 - after the set-up
from django.core.wsgi import get_wsgi_application  # type: ignore[import-untyped]  # noqa: E402
from django.http import HttpRequest, HttpResponse  # type: ignore[import-untyped]  # noqa: E402
from django.urls import path  # type: ignore[import-untyped]  # noqa: E402

import hybrid  # noqa: E402
from tests.apps.room_asgi import room  # noqa: E402


def say(request: HttpRequest) -> HttpResponse:
    """Publish from a view on a thread."""
    hybrid.publish("room", {"type": "room.said", "text": f"django: {request.body.decode()}"})
    return HttpResponse("said")


async def say_async(request: HttpRequest) -> HttpResponse:
    """Publish from a view that is a coroutine."""
    hybrid.publish("room", {"type": "room.said", "text": f"async django: {request.body.decode()}"})
    return HttpResponse("said")


urlpatterns: list[Any] = [path("say", say), path("say-async", say_async)]
wsgi = get_wsgi_application()
asgi = get_asgi_application()
asgi_with_room = hybrid.ProtocolTypeRouter({"http": asgi, "websocket": room})
