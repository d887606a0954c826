"""Settings from a file: ``hybrid.toml``, or the table ``[tool.hybrid]`` of ``pyproject.toml``."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.targets import TargetSpec
from hybrid.server.config import Config
from hybrid.server.config.layers import DEFAULT_ALIAS
from hybrid.server.config.settings import Setting, Texts, settings_of
from hybrid.server.sources.origins import Given, Source
from hybrid.server.sources.tables import pool_texts, route_spec, static_texts
from hybrid.server.wording import did_you_mean, reason_of

OWN_FILE = "hybrid.toml"
PROJECT_FILE = "pyproject.toml"
_TABLE = "tool.hybrid"
#: What a file can say beside the settings: what to serve, as targets, as tables, or both.
_TARGETS = ("app", "routes")
_LINE = re.compile(r" \(at line (\d+), column \d+\)$")


class ConfigFile(NamedTuple):
    """What a file says.

    Attributes:
        path: as it is named in messages; empty when there is none.
        settings: by name, the targets as ``app``.
        ignored: a file that would have been read if this one were not there.
    """

    path: str
    settings: Mapping[str, Given]
    ignored: str = ""


def find_file(directory: Path) -> ConfigFile:
    """Read the configuration file of a directory, if there is one. ``hybrid.toml`` goes before
    ``pyproject.toml``, of which nothing is taken then.

    Raises:
        ConfigError: see :func:`read_file`.
    """
    own, project = directory / OWN_FILE, directory / PROJECT_FILE
    if own.is_file():
        try:
            has_table = project.is_file() and _project_table(project) is not None
        except ConfigError:
            has_table = False  # it is not ours to complain of a file that is not read
        return ConfigFile(OWN_FILE, _settings(_load(own), own.name), PROJECT_FILE if has_table else "")
    # Whoever wants nothing of us pays for no parser, and hears nothing of what may be wrong in the file.
    if project.is_file() and _may_speak_of_us(_bytes(project)):
        table = _project_table(project)
        if table is not None:
            return ConfigFile(PROJECT_FILE, _settings(table, PROJECT_FILE, f"{_TABLE}."))
    return ConfigFile("", {})


def read_file(path: Path) -> ConfigFile:
    """Read the file that somebody names; of a ``pyproject.toml`` its ``[tool.hybrid]``.

    Raises:
        ConfigError: it cannot be read, a key is unknown, or a value is refused; the message names the file,
            and its line or key.
    """
    if path.name != PROJECT_FILE:
        return ConfigFile(str(path), _settings(_load(path), str(path)))
    table = _project_table(path)
    if table is None:
        raise ConfigError(f"{path}: there is no table [{_TABLE}]")
    return ConfigFile(str(path), _settings(table, str(path), f"{_TABLE}."))


def _may_speak_of_us(project: bytes) -> bool:
    """Tell whether a table ``tool.hybrid`` could be there, in whatever way TOML lets one write it."""
    keys = project.translate(None, b"\"' \t")
    return any(each in keys for each in (b"tool.hybrid", b"tool={", b"[tool]"))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read the configuration file {path}: {reason_of(error)}") from None


def _load(path: Path) -> dict[str, Any]:
    import tomllib  # most servers are started without a file

    data = _bytes(path)
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{_named(path)}, line {line}: it is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        line = int(found[1]) if found else data.rstrip().count(b"\n") + 1  # "at end of document"
        raise ConfigError(f"{_named(path)}, line {line}: {_LINE.sub('', str(error))}") from None


def _named(path: Path) -> str:
    """Name a file of the current directory by its name alone."""
    return path.name if path.parent.resolve() == Path.cwd() else str(path)


def _project_table(path: Path) -> dict[str, Any] | None:
    tool = _load(path).get("tool")
    table = cast("dict[str, object]", tool).get("hybrid") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{_named(path)}: {_TABLE} is not a table")
    return cast("dict[str, Any] | None", table)


def _settings(table: Mapping[str, Any], file: str, prefix: str = "") -> dict[str, Given]:
    """Check what a table says, key by key."""
    options = {name: what for name, (what, _) in settings_of(Config).items() if what.option or what.in_files}
    given: dict[str, Given] = {}
    for key, value in _with_default_layer(table, f"{file}: {prefix}").items():
        try:
            if key not in _TARGETS:
                given[key] = Given(_value(options, key, value), Source.FILE, f"{file}:{prefix}{key}")
        except ConfigError as error:
            raise ConfigError(f"{file}: {prefix}{error}") from None
    try:
        targets = _targets(table)
    except ConfigError as error:
        raise ConfigError(f"{file}: {prefix}{error}") from None
    if targets:
        keys = " and ".join(f"{prefix}{key}" for key in _TARGETS if key in table)
        given["app"] = Given(targets, Source.FILE, f"{file}:{keys}")
    return given


def _value(options: Mapping[str, Setting], key: str, value: Any) -> object:
    if key not in options:
        if key in settings_of(Config):
            raise ConfigError(f"{key} can only be given by a program")
        hint = did_you_mean(key.replace("-", "_").lower(), (*options, *_TARGETS))
        raise ConfigError(f"{key} is no setting{hint}")
    if key == "pools" and isinstance(value, dict):
        value = pool_texts(cast("dict[str, object]", value))
    if key == "static" and isinstance(value, dict):
        value = static_texts(cast("dict[str, object]", value))
    options[key].check(key, value)
    return value


def _with_default_layer(table: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Take ``[layers.default]`` for ``layer``, which the command line and the environment replace."""
    layers = table.get("layers")
    if not isinstance(layers, dict) or DEFAULT_ALIAS not in layers:
        return table
    if "layer" in table:
        raise ConfigError(f"{where}layer and layers.{DEFAULT_ALIAS} say the same, so one of them is enough")
    others = {alias: each for alias, each in cast("dict[str, Any]", layers).items() if alias != DEFAULT_ALIAS}
    return {**table, "layer": layers[DEFAULT_ALIAS], "layers": others}


def _targets(table: Mapping[str, Any]) -> list[str | TargetSpec]:
    """Gather what is to be served: the targets as on the command line, then the tables."""
    app = table.get("app", [])
    texts = [app] if isinstance(app, str) else app
    Texts(help="").check("app", texts)
    routes: Any = table.get("routes", [])
    if not (isinstance(routes, list) and all(isinstance(each, dict) for each in table.get("routes", []))):
        raise ConfigError(f"routes: {table['routes']!r} is not a list of tables: write [[routes]]")
    tables: Sequence[dict[str, object]] = table.get("routes", [])
    return [*texts, *(route_spec(each, f"routes[{number}]") for number, each in enumerate(tables))]
