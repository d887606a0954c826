import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

from shop import routing
from shop.models import Cart

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")


application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),  # Django
        "websocket": URLRouter(routing.websocket_urlpatterns),
    }
)
