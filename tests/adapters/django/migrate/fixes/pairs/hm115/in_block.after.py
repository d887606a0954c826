from django.core.asgi import get_asgi_application
from shop import routing  # left alone: Django is not set up by a statement of the module itself

if routing:
    application = get_asgi_application()
