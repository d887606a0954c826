"""What a configuration file says in tables: routes, and pools of threads."""

from collections.abc import Mapping
from typing import Any

from hybrid.bridge.errors import ConfigError, LoadError
from hybrid.bridge.hosts import clean_host
from hybrid.bridge.prefixes import clean_prefix
from hybrid.bridge.routes import PROTOCOLS
from hybrid.bridge.targets import TargetSpec, check_pool_name, parse_target
from hybrid.server.config.applications import INTERFACES, interface_named
from hybrid.server.config.settings import Choice, Flag, Setting, Text, Texts, Whole
from hybrid.server.wording import did_you_mean

#: The keys of a route, each with what it may be.
ROUTE_KEYS: dict[str, Setting] = {
    "app": Text(help="The application: MODULE or MODULE:ATTR. Every route has one."),
    "path": Text(help="Path prefix; without one the interface decides, as for a target without a prefix."),
    "host": Text(
        help="Host, or *.example.org for all below it; without one, every host that no route names."
    ),
    "interface": Choice(choices=INTERFACES, help="What the application is, where that cannot be found out."),
    "protocols": Texts(help='Of "http" and "websocket", those that it takes.'),
    "pool": Text(help="Pool of threads of a WSGI application."),
    "stream": Flag(help="Whether a WSGI application reads request bodies as they come."),
    "factory": Flag(help="Whether to call what app names, without arguments, to get the application."),
}
_POOL_KEYS: dict[str, Setting] = {
    "threads": Whole(low=1, high=10_000, help="Threads."),
    "queue": Whole(low=0, high=1 << 20, help="Requests that may wait; without it, as many as threads_queue."),
}


def route_spec(table: Mapping[str, object], key: str) -> TargetSpec:
    """Make a target of a route's table.

    Args:
        table: what the file says.
        key: where the table is in it, for messages.

    Raises:
        ConfigError: a key is missing or unknown, or a value is refused; the message names the key.
    """
    values: Any = _checked(table, ROUTE_KEYS, key)
    if "app" not in values:
        raise ConfigError(f"{key}: the key app is missing")
    for protocol in values.get("protocols", ()):
        if protocol not in PROTOCOLS:
            raise ConfigError(f"{key}.protocols: {protocol!r} is not one of {', '.join(PROTOCOLS)}")
    return TargetSpec(
        clean(key, "path", clean_prefix, values),
        *_module_and_attribute(values["app"], f"{key}.app"),
        pool=clean(key, "pool", check_pool_name, values),
        stream=values.get("stream", False),
        host=clean(key, "host", clean_host, values),
        protocols=tuple(values.get("protocols", ())),
        interface=interface_named(values.get("interface", "auto")),
        factory=values.get("factory", False),
    )


def pool_texts(table: Mapping[str, object]) -> list[str]:
    """Write the pools of a table, ``name = {threads = 2, queue = 10}``, as the command line has them.

    Raises:
        ConfigError: a key is missing or unknown, or a value is refused; the message names the key.
    """
    texts: list[str] = []
    for name, pool in table.items():
        key = f"pools.{name}"
        if not isinstance(pool, dict):
            raise ConfigError(f"{key}: {pool!r} is not a table: write {{threads = 2, queue = 10}}")
        values: Any = _checked(pool, _POOL_KEYS, key)  # pyright: ignore[reportUnknownArgumentType] - just read
        if "threads" not in values:
            raise ConfigError(f"{key}: the key threads is missing")
        queue = f",{values['queue']}" if "queue" in values else ""
        texts.append(f"{name}={values['threads']}{queue}")
    return texts


def static_texts(table: Mapping[str, object]) -> list[str]:
    """Write the directories of a table, ``"/static" = "build/static"``, as the command line has them.

    Raises:
        ConfigError: one of them is no text; the message names the key.
    """
    for prefix, directory in table.items():
        Text(help="").check(f'static."{prefix}"', directory)
    return [f"{prefix}={directory}" for prefix, directory in table.items()]


def _checked(table: Mapping[str, object], keys: Mapping[str, Setting], where: str) -> Mapping[str, object]:
    for key, value in table.items():
        if key not in keys:
            raise ConfigError(f"{where}.{key} is no key of this table{did_you_mean(key, keys)}")
        keys[key].check(f"{where}.{key}", value)
    return table


def clean(where: str, key: str, function: Any, values: Mapping[str, object]) -> str:
    """Bring one of the values to its usual form; without it, nothing.

    Raises:
        ConfigError: it is malformed.
    """
    if key not in values:
        return ""
    try:
        cleaned: str = function(values[key])
    except ValueError as error:
        raise ConfigError(f"{where}.{key}: {error}") from None
    return cleaned


def _module_and_attribute(text: str, where: str) -> tuple[str, str | None]:
    try:
        spec = parse_target(text)
    except LoadError as error:
        raise ConfigError(f"{where}: {error}") from None
    if spec != TargetSpec("", spec.module, spec.attribute):
        raise ConfigError(f"{where}: {text!r} is not MODULE or MODULE:ATTR; the rest has keys of its own")
    return spec.module, spec.attribute
