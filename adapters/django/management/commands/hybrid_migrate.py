"""``manage.py hybrid_migrate``: ``hybrid migrate`` for this project."""

from hybrid.adapters.django.management.passed import PassedCommand


class Command(PassedCommand):
    """Looks at this project, with the commands of ``hybrid migrate`` and the settings of ``manage.py``."""

    help = "Finds what this project's move from WSGI to ASGI breaks, as `hybrid migrate` does."
    words = ("migrate",)
