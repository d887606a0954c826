"""Everything that can be set about a server, with its default: a module for each subject."""

from dataclasses import dataclass
from typing import cast

from hybrid.server.config.applications import ApplicationSettings
from hybrid.server.config.development import DevelopmentSettings
from hybrid.server.config.django import DjangoSettings
from hybrid.server.config.http2 import HttpSettings
from hybrid.server.config.layers import LayerSettings
from hybrid.server.config.limits import LimitSettings
from hybrid.server.config.listeners import ListenerSettings
from hybrid.server.config.logs import LogSettings
from hybrid.server.config.metrics import MetricsSettings
from hybrid.server.config.ops import OpsSettings
from hybrid.server.config.processes import ProcessSettings
from hybrid.server.config.proxies import ProxySettings
from hybrid.server.config.responses import ResponseSettings
from hybrid.server.config.settings import SettingsGroup, settings_of
from hybrid.server.config.static import StaticSettings
from hybrid.server.config.threads import ThreadSettings
from hybrid.server.config.timeouts import TimeoutSettings
from hybrid.server.config.tls import TlsSettings
from hybrid.server.config.websocket import WebSocketSettings
from hybrid.server.config.websocket_limits import WebSocketLimitSettings


@dataclass(kw_only=True, eq=False)
class Config(
    ApplicationSettings,
    DjangoSettings,
    StaticSettings,
    ListenerSettings,
    TlsSettings,
    HttpSettings,
    ProxySettings,
    ThreadSettings,
    LimitSettings,
    TimeoutSettings,
    ResponseSettings,
    WebSocketSettings,
    WebSocketLimitSettings,
    LayerSettings,
    LogSettings,
    MetricsSettings,
    OpsSettings,
    ProcessSettings,
    DevelopmentSettings,
):
    """How to serve what: an application, or targets to import, and settings.

    Each subject has a class of its own, in a module of its own, in which each setting says what it does; they
    stand here in the order in which people read about them. The names are uvicorn's or gunicorn's where one
    of them has the setting; times are in seconds, sizes in bytes. Whatever is set on the command line, in the
    environment or in a file ends here.

    Raises:
        ConfigError: a value that no server could run with; the message names the setting.
    """

    def __post_init__(self) -> None:
        for name, (what, _) in settings_of(self).items():
            what.check(name, getattr(self, name))
        for group in GROUPS:
            group.check_group(self)


#: The subjects, in their order.
GROUPS = cast("tuple[type[SettingsGroup], ...]", Config.__bases__)
