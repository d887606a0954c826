"""The project as an ASGI application, as `startproject` writes it."""

import os

from django.core.asgi import get_asgi_application  # type: ignore[import-untyped]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.apps.django_alike.settings")
application = get_asgi_application()
