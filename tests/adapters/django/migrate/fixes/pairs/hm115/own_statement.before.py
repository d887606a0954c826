"""Sockets and Django."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
# Where sockets lead.
from shop import routing
from django.core.asgi import get_asgi_application

import shop.models  # for good

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

django_asgi_app = get_asgi_application()

application = ProtocolTypeRouter(
    {"http": django_asgi_app, "websocket": URLRouter(routing.websocket_urlpatterns)}
)
