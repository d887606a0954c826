"""What `hybrid config` prints."""

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from hybrid.bridge.interface import Interface
from hybrid.bridge.targets import TargetSpec
from hybrid.server.config import Config
from hybrid.server.config.settings import settings_of
from hybrid.server.sources.gather import Gathered
from hybrid.server.sources.origins import Given

_SETTINGS = settings_of(Config)
_HEADINGS = ("SETTING", "VALUE", "FROM")


def settings_table(gathered: Gathered) -> str:
    """Write every setting with its value and where it was given, as aligned text."""
    rows = [_HEADINGS, *(_row(name, each) for name, each in gathered.effective().items())]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(f"{name:{widths[0]}}  {value:{widths[1]}}  {origin}" for name, value, origin in rows)


def settings_json(gathered: Gathered) -> str:
    """Write the same as JSON: an object for each setting, with ``value``, ``source`` and ``where``."""
    settings = {
        name: {
            "value": _plain(_shown(name, each)),
            "source": each.source.value,
            "where": each.where,
        }
        for name, each in gathered.effective().items()
    }
    return json.dumps({"file": gathered.file, "settings": settings}, indent=2)


def _shown(name: str, given: Given) -> object:
    """Return a value without its secrets; ``app``, which is what is served and no setting, has none."""
    return _SETTINGS[name][0].shown(given.value) if name in _SETTINGS else given.value


def _row(name: str, given: Given) -> tuple[str, str, str]:
    return name, _text(_shown(name, given)), given.origin


def _text(value: object) -> str:
    """Write a value as the command line has it."""
    if value is None or value == "" or (isinstance(value, (list, tuple)) and not value):
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        items: list[Any] = [*value]  # pyright: ignore[reportUnknownVariableType] - of whatever a setting has
        return " ".join(map(_text, items))
    if isinstance(value, Mapping):
        return json.dumps(value, default=str)
    return f"{value.host}{value}" if isinstance(value, TargetSpec) else str(value)


def _plain(value: Any) -> Any:
    """Give what JSON can have: a target from a table as that table."""
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]  # pyright: ignore[reportUnknownVariableType] - as above
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, TargetSpec):
        app = value.module + (f":{value.attribute}" if value.attribute else "")
        names = ("host", "interface", "protocols", "pool", "stream", "factory")
        more = {"path": value.prefix, **{name: _plain(getattr(value, name)) for name in names}}
        return {"app": app, **{name: each for name, each in more.items() if each}}
    if isinstance(value, Interface):
        return value.value
    return str(value) if isinstance(value, PurePath) else value
