"""Where the server listens."""

from typing import ClassVar

from hybrid.bridge.errors import ConfigError
from hybrid.server.config.settings import SettingsGroup, Text, Whole, setting, settings_group


@settings_group
class ListenerSettings(SettingsGroup):
    """Where the server listens."""

    heading: ClassVar[str] = "Addresses"

    host: str = setting("127.0.0.1", Text(help="Listen on this address."))
    port: int = setting(
        8000,
        Whole(low=0, high=65535, help="Listen on this port; 0 picks a free one."),
    )
    uds: str | None = setting(
        None,
        Text(
            metavar="PATH",
            optional=True,
            help="Listen on a Unix socket at this path instead.",
        ),
    )
    fd: int | None = setting(
        None,
        Whole(
            low=0,
            high=(1 << 31) - 1,
            optional=True,
            help="Listen on this inherited file descriptor instead.",
        ),
    )
    backlog: int = setting(
        2048,
        Whole(
            low=1,
            high=1 << 16,
            metavar="N",
            help="Let the system queue this many connections that have not been accepted yet.",
        ),
    )

    def check_group(self) -> None:
        """Refuse two addresses where there can be one."""
        if self.uds is not None and self.fd is not None:
            raise ConfigError("uds and fd: give one of them, not both")
