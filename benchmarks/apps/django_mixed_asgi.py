"""The Django project whose view is `mixed`, on its ASGI handler, with a consumer of ours for WebSockets."""

from benchmarks.apps import django_site

django_site.set_up(django_site.mixed)
django_site.fill()

from django.core.handlers.asgi import ASGIHandler  # type: ignore[import-untyped]  # noqa: E402 - after the set-up

from benchmarks.apps import consumer_asgi  # noqa: E402
from hybrid.bridge import ProtocolTypeRouter  # noqa: E402

app = ProtocolTypeRouter({"http": ASGIHandler(), "websocket": consumer_asgi.app})
