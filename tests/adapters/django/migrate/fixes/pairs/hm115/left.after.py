import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from shop import routing  # left alone: line 11, which is above get_asgi_application(), needs routing
from shop.models import *  # left alone: it does not say which names it imports
import shop.models; import shop  # left alone: another statement is on the same line

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # left alone: it is for you to say what is meant: DJANGO_ALLOW

patterns = routing.websocket_urlpatterns

application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "https": get_asgi_application(),  # left alone: it is for you to say what is meant
        "websocket": URLRouter(patterns),
    }
)
