"""The project as a WSGI application, as `startproject` writes it."""

import os

from django.core.wsgi import get_wsgi_application  # type: ignore[import-untyped]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.apps.django_alike.settings")
application = get_wsgi_application()
