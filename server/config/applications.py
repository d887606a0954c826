"""What is served, and what it is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast, get_args

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.types import LifespanMode
from hybrid.server.config.settings import Choice, SettingsGroup, Text, setting


@dataclass(kw_only=True)
class ApplicationSettings(SettingsGroup):
    """What is served, and what it is told.

    Args:
        app: an application object (WSGI, ASGI or a router), or targets to import,
            ``[PREFIX=]MODULE[:ATTR][@POOL][+stream]``.
    """

    heading: ClassVar[str] = "Applications"

    app: object

    app_dir: str | Path = setting(
        ".",
        Text(
            metavar="DIR",
            help="Look for the targets' modules in this directory first.",
        ),
    )
    lifespan: LifespanMode = setting(
        "auto",
        Choice(
            choices=get_args(LifespanMode),
            help="Run ASGI lifespan; auto goes on without it where an application has none.",
        ),
    )
    root_path: str = setting(
        "",
        Text(
            metavar="PATH",
            help="Path that a proxy in front has taken off (ASGI root_path, WSGI SCRIPT_NAME).",
        ),
    )

    @property
    def targets(self) -> Sequence[str] | None:
        """The targets to import, or None when :attr:`app` is an application already."""
        if isinstance(self.app, str):
            return [self.app]
        if isinstance(self.app, (list, tuple)):
            return cast("Sequence[str]", self.app)  # pyright: ignore[reportUnknownMemberType] - of whatever
        return None

    def check_group(self) -> None:
        """Refuse what cannot be served."""
        if not all(isinstance(each, str) for each in self.targets or ()):
            raise ConfigError("app: several targets are given as strings; for objects, make a Gateway")
        if self.root_path and not self.root_path.startswith("/"):
            raise ConfigError(f"root_path: {self.root_path!r} does not start with '/'")
        self.root_path = self.root_path.rstrip("/")
