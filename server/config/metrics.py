"""What a server counts while it serves."""

from typing import ClassVar

from hybrid.bridge.errors import ConfigError
from hybrid.server.config.settings import Flag, Seconds, SettingsGroup, setting, settings_group

#: The shortest step of the loop that can be watched for, in seconds.
_SHORTEST_WATCH = 0.01


@settings_group
class MetricsSettings(SettingsGroup):
    """What a server counts while it serves."""

    heading: ClassVar[str] = "Metrics"

    metrics: bool = setting(
        True, Flag(help="Count requests and WebSockets by application and route, for `hybrid status`.")
    )
    loop_watch: float = setting(
        0.0,
        Seconds(
            help="Keep the stack of what holds the event loop for longer than this, for `hybrid status`; 0 "
            "does not look.",
        ),
    )

    def check_group(self) -> None:
        """Refuse to look more often than makes sense."""
        if 0 < self.loop_watch < _SHORTEST_WATCH:
            raise ConfigError(f"loop_watch: {self.loop_watch:g} is less than {_SHORTEST_WATCH:g} seconds")
