"""The ASGI application: Django for HTTP, and our consumers for WebSockets."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_django.settings")
django_application = get_asgi_application()  # sets Django up, which what follows needs

from demo_django.routing import websocket_urlpatterns  # noqa: E402
from hybrid.adapters.django.auth import AuthMiddlewareStack  # noqa: E402
from hybrid.adapters.django.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from hybrid.adapters.django.security.websocket import AllowedHostsOriginValidator  # noqa: E402

# Pages of other sites are refused; who has signed out meanwhile is found out every minute.
sockets = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns), recheck=60))

application = ProtocolTypeRouter({"http": django_application, "websocket": sockets})
