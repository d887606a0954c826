"""Whose pages may open WebSockets, by Django's ``ALLOWED_HOSTS``.

The names of ``channels.security.websocket``.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

from hybrid.bridge.auth import OriginValidator, WebsocketDenier
from hybrid.bridge.types import ASGIApp

__all__ = ["AllowedHostsOriginValidator", "OriginValidator", "WebsocketDenier"]

_settings: Final[Any] = import_module("django.conf").settings

#: Django's own, while somebody writes the application.
_LOCAL: Final = ("localhost", "127.0.0.1", "[::1]")


class AllowedHostsOriginValidator(OriginValidator):
    """Lets only pages of ``ALLOWED_HOSTS`` open WebSockets; all others get 403.

    The settings are looked at each time, so that what a test overrides counts.

    Raises:
        ConfigError: an entry matches no origin.
    """

    def __init__(self, application: ASGIApp) -> None:
        super().__init__(application, _allowed_hosts())

    @property
    def allowed_origins(self) -> Sequence[str]:
        """The hosts; those of this machine where there are none in DEBUG mode."""
        return _allowed_hosts()

    @allowed_origins.setter
    def allowed_origins(self, origins: Sequence[str]) -> None:
        """Take what has been checked, which the settings have."""


def _allowed_hosts() -> Sequence[str]:
    hosts: Sequence[str] = _settings.ALLOWED_HOSTS
    return hosts or (_LOCAL if _settings.DEBUG else ())
