"""How Django projects are served: both lanes of them, in one process."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from hybrid.server.config.settings import (
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
    lanes: Mapping[str, Any] | None = setting(
        None,
        Lanes(
            optional=True,
            help="Where views run that should run elsewhere, a table [lanes]: by view (app:name, or its "
            "dotted path) or by path (/api/*), wsgi or asgi, or a table with lane and percent.",
        ),
    )
