"""What the server runs on."""

from collections.abc import Awaitable, Callable
from os import PathLike
from typing import Any, ClassVar, Final, Literal, get_args

from hybrid.bridge.errors import ConfigError
from hybrid.server.config.settings import (
    Choice,
    Object,
    Seconds,
    SettingsGroup,
    Text,
    Whole,
    setting,
    settings_group,
)

#: What is told that the loop turns: a coroutine function, as with uvicorn, or a plain one.
Notify = Callable[[], Awaitable[object] | None]
#: What turns the control socket off.
NO_CONTROL: Final = "none"
LoopName = Literal["auto", "uvloop", "asyncio"]


@settings_group
class ProcessSettings(SettingsGroup):
    """What the server runs on."""

    heading: ClassVar[str] = "Processes"

    workers: int = setting(
        1,
        Whole(
            low=1,
            high=1000,
            metavar="N",
            help="Serve with this many processes, and one over them that replaces those that fail; 1 serves "
            "by itself.",
        ),
    )
    timeout_worker_healthcheck: float = setting(
        5.0,
        Seconds(
            help="Replace a worker process whose event loop has not turned for this long; 0 never.",
        ),
    )
    pidfile: str | PathLike[str] | None = setting(
        None,
        Text(
            flag="--pid",
            metavar="FILE",
            optional=True,
            help="Write the process id to this file, and remove it at the end.",
        ),
    )
    control: str | PathLike[str] | None = setting(
        None,
        Text(
            metavar="DIR",
            optional=True,
            help="Let `hybrid status`, `hybrid lanes` and other programs of this user reach the server at "
            "Unix sockets below this directory, or nobody with none. By default, below a directory of this "
            "user's.",
        ),
    )
    loop: LoopName = setting(
        "auto",
        Choice(
            choices=get_args(LoopName),
            help="Event loop; auto is uvloop where it is installed.",
        ),
    )
    callback_notify: Notify | None = setting(
        None,
        Object(optional=True, help="Called every timeout_notify seconds while the server serves."),
    )
    timeout_notify: float = setting(
        30.0,
        Seconds(option=False, help="Seconds between two calls of callback_notify."),
    )

    @property
    def controlled(self) -> bool:
        """Whether the server may be reached by those who operate it."""
        return self.control != NO_CONTROL

    @property
    def control_folder(self) -> str | None:
        """Where, if that was said."""
        return None if self.control is None or not self.controlled else str(self.control)

    def check_group(self) -> None:
        """Refuse what cannot be called, and what is no directory."""
        if self.control is not None and not str(self.control):
            raise ConfigError(f"control: '' is no directory; {NO_CONTROL} is none")
        notify: Any = self.callback_notify
        if notify is not None and not callable(notify):
            raise ConfigError(f"callback_notify: {notify!r} cannot be called")
