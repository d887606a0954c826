"""Short names for what the lines of the catalogue repeat: levels, ways to see, fixes, lanes and addresses."""

from typing import Final

from hybrid.adapters.django.migrate.findings import FixKind, Level, Seen

DJANGO: Final = "https://docs.djangoproject.com/en/stable/"
TICKET: Final = "https://code.djangoproject.com/ticket/"
ASYNC: Final = f"{DJANGO}topics/async/"
RELEASES: Final = f"{DJANGO}releases/security/"
SETTINGS: Final = f"{DJANGO}ref/settings/"
MIDDLEWARE: Final = f"{DJANGO}topics/http/middleware/#asynchronous-support"
CHANNELS: Final = "https://channels.readthedocs.io/en/stable/"
ASGIREF: Final = "https://github.com/django/asgiref/"

ERROR, WARNING, NOTE = Level.ERROR, Level.WARNING, Level.NOTE
STATIC, IMPORT, RUN = Seen.STATIC, Seen.IMPORT, Seen.RUN
AUTO, SUGGEST, LANE, SETTING, NONE = FixKind
ASGI, WSGI, BOTH = ("asgi",), ("wsgi",), ("wsgi", "asgi")
