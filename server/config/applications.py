"""What is served, and what it is told."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, cast, get_args

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.interface import Interface
from hybrid.bridge.targets import TargetSpec
from hybrid.bridge.types import LifespanMode
from hybrid.server.config.settings import Choice, Flag, SettingsGroup, Text, setting, settings_group

#: What can be said about applications; uvicorn's names, and one for those to whom ASGI is ASGI 3.
INTERFACES = ("auto", "wsgi", "asgi", "asgi2", "asgi3")


def interface_named(name: str) -> Interface | None:
    """Return what one of :data:`INTERFACES` means, None for what is to be found out."""
    if name == "auto":
        return None
    return Interface.ASGI3 if name == "asgi" else Interface(name)


@settings_group
class ApplicationSettings(SettingsGroup):
    """What is served, and what it is told.

    Args:
        app: an application object (WSGI, ASGI or a router), or targets to import,
            ``[PREFIX=]MODULE[:ATTR][@POOL][+stream]``, or each a
            :class:`~hybrid.bridge.targets.TargetSpec`.
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
    interface: str = setting(
        "auto",
        Choice(
            choices=INTERFACES,
            help="What the applications are, where that cannot be found out; asgi is asgi3.",
        ),
    )
    factory: bool = setting(
        False,
        Flag(help="Call what the targets name, without arguments, to get the applications."),
    )
    env_file: str | Path | None = setting(
        None,
        Text(
            metavar="FILE",
            optional=True,
            help="Add the variables of this file to the environment, but for those that are there already.",
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
    reset_contextvars: bool = setting(
        False,
        Flag(
            help="Call ASGI applications with empty contextvars, not with those the server was started with.",
        ),
    )

    @property
    def targets(self) -> Sequence[str | TargetSpec] | None:
        """The targets to import, or None when :attr:`app` is an application already."""
        if isinstance(self.app, (str, TargetSpec)):
            return [self.app]
        if isinstance(self.app, (list, tuple)):
            # Of whatever: check_group() looks.
            return cast("Sequence[str | TargetSpec]", self.app)  # pyright: ignore[reportUnknownMemberType]
        return None

    @property
    def forced_interface(self) -> Interface | None:
        """What the applications are said to be, None when that is to be found out."""
        return interface_named(self.interface)

    def check_group(self) -> None:
        """Refuse what cannot be served."""
        if not all(isinstance(each, (str, TargetSpec)) for each in self.targets or ()):
            raise ConfigError("app: several targets are given as strings; for objects, make a Gateway")
        if self.root_path and not self.root_path.startswith("/"):
            raise ConfigError(f"root_path: {self.root_path!r} does not start with '/'")
        self.root_path = self.root_path.rstrip("/")
