"""The project as an ASGI application: as `startproject` writes it, and with WebSockets."""

import os

from django.core.asgi import get_asgi_application  # type: ignore[import-untyped]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.apps.django_desk.settings")
application = get_asgi_application()

from hybrid import ProtocolTypeRouter, URLRouter, path  # noqa: E402 - after the set-up
from tests.apps.django_desk.routing import said_back  # noqa: E402

with_sockets = ProtocolTypeRouter(
    {"http": application, "websocket": URLRouter([path("asgi/echo", said_back)])}
)
