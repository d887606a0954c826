"""``manage.py serve``: this project, served as ``hybrid serve`` does."""

from hybrid.adapters.django.management.passed import PassedCommand


class Command(PassedCommand):
    """Serves this project, with the options of ``hybrid serve``."""

    help = "Serves this project for production, with the options of `hybrid serve`."
    words = ("serve", "--django={settings}")
