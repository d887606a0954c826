import django
from django.core.asgi import get_asgi_application
from shop.routing import websocket_urlpatterns

django.setup()
application = get_asgi_application()
