"""``manage.py runserver`` on this server: as Django's own, with both lanes and WebSockets."""

from importlib import import_module
from typing import Any

from hybrid.adapters.django.lanes.development import DevelopmentServer

_apps: Any = import_module("django.apps").apps
_WHERE = "django.contrib.staticfiles" if _apps.is_installed("django.contrib.staticfiles") else "django.core"
_commands: Any = import_module(f"{_WHERE}.management.commands.runserver")


class Command(_commands.Command):  # type: ignore[misc]  # of Django, which is not typed
    """Django's own command, whose flags, checks and output stay, with another server."""

    server_cls = DevelopmentServer
