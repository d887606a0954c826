"""What the server runs on."""

from collections.abc import Awaitable, Callable
from os import PathLike
from typing import Any, ClassVar, Literal, get_args

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

    def check_group(self) -> None:
        """Refuse what cannot be called."""
        notify: Any = self.callback_notify
        if notify is not None and not callable(notify):
            raise ConfigError(f"callback_notify: {notify!r} cannot be called")
