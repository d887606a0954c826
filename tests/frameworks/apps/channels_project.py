"""A Django project on ASGI with Channels: consumers of both kinds, a layer in memory, views beside them."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import django  # type: ignore[import-untyped]
from asgiref.sync import async_to_sync
from django.conf import settings  # type: ignore[import-untyped]

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "shop.example", "x"],
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEBUG=False,
    INSTALLED_APPS=["channels"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for the tests",
    USE_TZ=True,
)
django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer, WebsocketConsumer  # noqa: E402 - after the set-up
from channels.layers import get_channel_layer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.core.asgi import get_asgi_application  # type: ignore[import-untyped]  # noqa: E402
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse  # type: ignore[import-untyped]  # noqa: E402
from django.urls import path  # type: ignore[import-untyped]  # noqa: E402

from tests.frameworks.apps.notes import note  # noqa: E402


class Room(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """Everybody in a room hears what one of them says."""

    async def connect(self) -> None:
        """Enter, unless the name says that nobody may."""
        kwargs = self.scope["url_route"]["kwargs"]
        self.room, self.name = kwargs["room"], kwargs["name"]
        if self.room == "closed":
            await self.close()
            return
        await self.channel_layer.group_add(self.room, self.channel_name)
        offered = self.scope["subprotocols"]
        await self.accept(offered[0] if offered else None, headers=[(b"x-room", self.room.encode())])

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Do what a message asks for."""
        match content:
            case {"say": text}:
                await self.channel_layer.group_send(
                    self.room, {"type": "said", "by": self.name, "text": text}
                )
            case {"close": code, "reason": reason}:
                await self.close(code, reason)
            case {"fail": _}:
                raise RuntimeError("on purpose")
            case {"flood": size}:
                while True:
                    await self.send(bytes_data=bytes(size))

    async def said(self, event: dict[str, str]) -> None:
        """Pass on what was said."""
        await self.send_json({"by": event["by"], "text": event["text"]})

    async def disconnect(self, code: int) -> None:
        """Leave."""
        note(f"{self.name} disconnected {code}")
        await self.channel_layer.group_discard(self.room, self.channel_name)


class Echo(WebsocketConsumer):  # type: ignore[misc]
    """A consumer whose methods run on threads."""

    def connect(self) -> None:
        """Open."""
        self.name = self.scope["url_route"]["kwargs"]["name"]
        self.accept()

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Send it back, or fail."""
        if text_data == "fail":
            raise RuntimeError("on purpose")
        if text_data == "thread":
            text_data = str(threading.current_thread() is threading.main_thread())
        self.send(text_data, bytes_data)

    def disconnect(self, code: int) -> None:
        """Note the end."""
        note(f"{self.name} disconnected {code}")


def say(request: HttpRequest, room: str) -> HttpResponse:
    """Say something to a room from a view that runs on a thread."""
    message = {"type": "said", "by": "the view", "text": request.body.decode()}
    async_to_sync(get_channel_layer().group_send)(room, message)
    return HttpResponse("said")


async def upload(request: HttpRequest) -> JsonResponse:
    """Tell the sizes of the files of a form."""
    return JsonResponse({name: file.size for name, file in request.FILES.items()})


async def stream(request: HttpRequest, name: str) -> StreamingHttpResponse:
    """Send one line, and then nothing."""

    async def lines() -> AsyncIterator[str]:
        try:
            yield "first\n"
            await asyncio.Event().wait()
        finally:
            note(f"{name} ended")

    return StreamingHttpResponse(lines(), content_type="text/plain")


async def wait(request: HttpRequest, name: str) -> HttpResponse:
    """Wait for ever: Django cancels the view when the client has left."""
    note(f"{name} waits")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        note(f"{name} cancelled")
        raise
    return HttpResponse()


async def broken(request: HttpRequest) -> HttpResponse:
    """Fail."""
    raise RuntimeError("on purpose")


def address(request: HttpRequest) -> JsonResponse:
    """Show what the request says of the connection."""
    return JsonResponse({"client": request.META["REMOTE_ADDR"], "url": request.build_absolute_uri()})


urlpatterns = [
    path("say/<room>", say),
    path("upload", upload),
    path("stream/<name>", stream),
    path("wait/<name>", wait),
    path("broken", broken),
    path("address", address),
]

_consumers = URLRouter([path("room/<room>/<name>", Room.as_asgi()), path("echo/<name>", Echo.as_asgi())])
app = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": AllowedHostsOriginValidator(_consumers)},
)
