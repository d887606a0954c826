"""What is logged, and how."""

from typing import ClassVar

from hybrid.server.config.settings import Choice, Flag, SettingsGroup, setting, settings_group

LOG_LEVELS = ("critical", "error", "warning", "info", "debug")


@settings_group
class LogSettings(SettingsGroup):
    """What is logged, and how."""

    heading: ClassVar[str] = "Logs"

    log_level: str = setting("info", Choice(choices=LOG_LEVELS, help="Log this level and above."))
    access_log: bool = setting(True, Flag(help="Log a line for each request."))
