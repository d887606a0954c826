import django
from django.core.asgi import get_asgi_application

# Models can be imported once Django is set up, which this does.
django.setup()

from shop.routing import websocket_urlpatterns

application = get_asgi_application()
