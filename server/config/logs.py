"""What is logged, and how."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from hybrid.bridge.errors import ConfigError
from hybrid.server.config.settings import Choice, Flag, Object, SettingsGroup, Text, setting, settings_group
from hybrid.server.ops.line_formats import DEFAULT_FORMAT, DEFAULT_WEBSOCKET_FORMAT

if TYPE_CHECKING:  # the command line is made of the settings, and prints its help without a loop or a log
    from hybrid.server.ops.access_record import AccessRecord
    from hybrid.server.ops.logs import LogPlan

LOG_LEVELS = ("critical", "error", "warning", "info", "debug")
LogFormat = Literal["text", "json"]


@dataclass(kw_only=True, repr=False, eq=False)
class _LoggingConfig(Text):
    """A path, or the dictionary that would be in that file."""

    def _accepts(self, value: Any) -> bool:
        return isinstance(value, Mapping) or super()._accepts(value)

    def _wanted(self) -> str:
        return "a path, or a dictionary for logging.config.dictConfig"


@settings_group
class LogSettings(SettingsGroup):
    """What is logged, and how."""

    heading: ClassVar[str] = "Logs"

    log_level: str = setting("info", Choice(choices=LOG_LEVELS, help="Log this level and above."))
    log_format: LogFormat = setting(
        "text",
        Choice(
            choices=get_args(LogFormat),
            help="Write lines for people, or a JSON object on each line.",
        ),
    )
    log_config: Mapping[str, Any] | str | PathLike[str] | None = setting(
        None,
        _LoggingConfig(
            metavar="FILE",
            optional=True,
            help="Set logging up as this file says: .json, .yaml, or else .ini of logging.config.",
        ),
    )
    use_colors: bool | None = setting(
        None,
        Flag(
            optional=True,
            help="Colour levels and statuses; without either, on a terminal.",
        ),
    )
    error_logfile: str | Path | None = setting(
        None,
        Text(
            metavar="FILE",
            optional=True,
            help="Append the server's own log to this file instead of writing it to stderr; - is stderr.",
        ),
    )
    access_log: bool = setting(True, Flag(help="Log a line for each request."))
    access_logfile: str | Path | None = setting(
        None,
        Text(
            metavar="FILE",
            optional=True,
            help="Append accesses to this file instead of writing them to stdout; - is stdout.",
        ),
    )
    access_log_format: str = setting(
        DEFAULT_FORMAT,
        Text(
            metavar="FORMAT",
            help="What to log of a request, in gunicorn's atoms and ours.",
        ),
    )
    access_log_websocket_format: str = setting(
        DEFAULT_WEBSOCKET_FORMAT,
        Text(
            metavar="FORMAT",
            help="What to log of a WebSocket that has closed.",
        ),
    )
    access_logger: "Callable[[AccessRecord], object] | None" = setting(
        None,
        Object(
            optional=True,
            help="Called on the event loop with the record of each request, instead of the access log.",
        ),
    )

    def check_group(self) -> None:
        """Refuse formats that no line can be written with."""
        from hybrid.server.ops.atoms import FormatError, LineFormat

        for name in ("access_log_format", "access_log_websocket_format"):
            try:
                LineFormat(getattr(self, name))
            except FormatError as error:
                raise ConfigError(f"{name}: {error}") from None
        if self.access_logger is not None and not callable(self.access_logger):
            raise ConfigError(f"access_logger: {self.access_logger!r} cannot be called")

    def log_plan(self) -> "LogPlan":
        """Return what the log of a process is to be."""
        from hybrid.server.ops.logs import LogPlan

        return LogPlan(
            level=self.log_level,
            as_json=self.log_format == "json",
            timed=self.access_log_format == DEFAULT_FORMAT,
            colors=self.use_colors,
            access_file=self.access_logfile,
            error_file=self.error_logfile,
            config=self.log_config,
        )
