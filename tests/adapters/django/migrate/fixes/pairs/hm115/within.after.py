import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

# Models can be imported once Django is set up, which this does.
django_application = get_asgi_application()

from shop import routing
from shop.models import Cart


application = ProtocolTypeRouter(
    {
        "http": django_application,  # Django
        "websocket": URLRouter(routing.websocket_urlpatterns),
    }
)
