"""What the server runs on."""

from typing import ClassVar, Literal, get_args

from hybrid.server.config.settings import Choice, SettingsGroup, setting, settings_group

LoopName = Literal["auto", "uvloop", "asyncio"]


@settings_group
class ProcessSettings(SettingsGroup):
    """What the server runs on."""

    heading: ClassVar[str] = "Processes"

    loop: LoopName = setting(
        "auto",
        Choice(
            choices=get_args(LoopName),
            help="Event loop; auto is uvloop where it is installed.",
        ),
    )
