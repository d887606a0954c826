import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

django = get_asgi_application()

from django.urls import path

from sockets import consumers

routes = URLRouter(  # HM505
    [
        path("chat/", consumers.Chat.as_asgi()),
        path("echo/", consumers.Echo.as_asgi()),
        path("quiet/", consumers.Quiet.as_asgi()),
    ]
)
application = ProtocolTypeRouter({
    "http": django,
    "websocket": routes,  # HM503
})

with_users = ProtocolTypeRouter({"http": django, "websocket": AuthMiddlewareStack(routes)})  # HM503
guarded = ProtocolTypeRouter({"websocket": AllowedHostsOriginValidator(routes)})  # not HM503
last = URLRouter([path("chat/", consumers.Chat.as_asgi()), path("<path:rest>", consumers.Quiet.as_asgi())])  # not HM505
