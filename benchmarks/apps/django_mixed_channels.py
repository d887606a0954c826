"""The Django project whose view is `mixed`, on its ASGI handler, with a consumer of Channels."""

from benchmarks.apps import django_site

django_site.set_up(django_site.mixed)
django_site.fill()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402 - after the set-up
from channels.routing import ProtocolTypeRouter  # noqa: E402
from django.core.handlers.asgi import ASGIHandler  # type: ignore[import-untyped]  # noqa: E402

from benchmarks.apps.chat import echo  # noqa: E402

app = ProtocolTypeRouter({"http": ASGIHandler(), "websocket": echo(AsyncWebsocketConsumer).as_asgi()})
