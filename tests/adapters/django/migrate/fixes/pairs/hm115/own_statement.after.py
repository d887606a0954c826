"""Sockets and Django."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

# Models can be imported once Django is set up, which this does.
django_asgi_app = get_asgi_application()

# Where sockets lead.
from shop import routing
import shop.models  # for good

application = ProtocolTypeRouter(
    {"http": django_asgi_app, "websocket": URLRouter(routing.websocket_urlpatterns)}
)
