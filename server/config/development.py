"""What helps while an application is written."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.types import Scope
from hybrid.server.config.settings import (
    Flag,
    Object,
    Seconds,
    SettingsGroup,
    Texts,
    setting,
    settings_group,
)


@settings_group
class DevelopmentSettings(SettingsGroup):
    """What helps while an application is written."""

    heading: ClassVar[str] = "Development"

    reload: bool = setting(
        False,
        Flag(help="Start again whenever a file changes; requests that come meanwhile wait."),
    )
    reload_dirs: Sequence[str] = setting(
        (),
        Texts(
            flag="--reload-dir",
            metavar="DIR",
            help="Watch this directory, with all below it, instead of the current one and --app-dir.",
        ),
    )
    reload_includes: Sequence[str] = setting(
        ("*.py", "*.toml", ".env"),
        Texts(flag="--reload-include", metavar="GLOB", help="Watch files whose names are like this."),
    )
    reload_excludes: Sequence[str] = setting(
        (".*", "__pycache__", "node_modules", "venv", "*~"),
        Texts(
            flag="--reload-exclude",
            metavar="GLOB",
            help="Leave out what is called like this, file or directory, unless its whole name is included.",
        ),
    )
    reload_delay: float = setting(
        0.1,
        Seconds(help="Start again when no further file has changed for this long."),
    )
    response_debugger: Callable[[Scope, dict[str, Any]], object] | None = setting(
        None,
        Object(
            optional=True,
            help="For tests: called with the scope and the `info` of each message `http.response.debug`.",
        ),
    )

    def check_group(self) -> None:
        """Refuse what cannot be called."""
        if self.response_debugger is not None and not callable(self.response_debugger):
            raise ConfigError(f"response_debugger: {self.response_debugger!r} cannot be called")
