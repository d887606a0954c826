"""How Django projects are served: both lanes of them, in one process."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from hybrid.server.config.settings import (
    Flag,
    Percent,
    Setting,
    SettingsGroup,
    Text,
    Whole,
    holds_texts_and_tables,
    setting,
    settings_group,
)


@dataclass(kw_only=True, repr=False, eq=False)
class Lanes(Setting):
    """Lanes by view or path. Only a file can say them, or a program."""

    option: bool = False
    in_files: ClassVar[bool] = True

    def _accepts(self, value: Any) -> bool:
        return holds_texts_and_tables(value)

    def _wanted(self) -> str:
        return 'a table: write "app:view" = "asgi", or "/path/*" = {lane = "asgi", percent = 5}'


@dataclass(kw_only=True, repr=False, eq=False)
class LaneBudget(Setting):
    """How much worse a lane may be than another. Only a file can say it, or a program."""

    option: bool = False
    in_files: ClassVar[bool] = True

    def _accepts(self, value: Any) -> bool:
        return isinstance(value, Mapping)  # its keys are looked at with the project

    def _wanted(self) -> str:
        return "a table: write errors = 1.0, p95 = 1.5, stalls = 1"


@settings_group
class DjangoSettings(SettingsGroup):
    """How Django projects are served: both lanes of them, in one process."""

    heading: ClassVar[str] = "Django"

    django: str | None = setting(
        None,
        Text(
            metavar="SETTINGS",
            optional=True,
            bare="manage.py",
            help="Serve the Django project of this settings module, each view on the lane that suits it; "
            "without a name, the one that manage.py sets.",
        ),
    )
    django_threads: int = setting(
        16,
        Whole(
            low=1,
            high=10_000,
            metavar="N",
            help="Threads for what is synchronous in requests on the event loop's lane; each keeps the one "
            "that it is given.",
        ),
    )
    django_static: bool = setting(
        False,
        Flag(
            help="Serve the files of STATIC_ROOT, which collectstatic fills, at STATIC_URL of the Django "
            "project's settings; as static does.",
        ),
    )
    observe: bool = setting(
        False,
        Flag(
            help="Look at what the Django project's requests do (hops between threads, stalls of the event "
            "loop, queries and more), for `hybrid migrate observe` to print.",
        ),
    )
    shadow: float = setting(
        0.0,
        Percent(
            metavar="PERCENT",
            help="Try this share of the safe requests of one process again on both lanes, after their "
            "answers, in a process of its own, for `hybrid migrate shadow --live` to say what differs.",
        ),
    )
    lanes: Mapping[str, Any] | None = setting(
        None,
        Lanes(
            optional=True,
            help="Where views run that should run elsewhere, a table [lanes]: by view (app:name, or its "
            "dotted path) or by path (/api/*), wsgi or asgi, or a table with lane and percent.",
        ),
    )
    lane_budget: Mapping[str, Any] | None = setting(
        None,
        LaneBudget(
            optional=True,
            help="How much worse a view may do on the lane that it is moved to, before it steps back by "
            "itself, a table [lane_budget]: errors (percentage points more), p95 (times as long), stalls "
            "(more in 1000 requests) of that many seconds (stall), in a window (seconds) of enough requests. "
            "Without the table, none steps back.",
        ),
    )
