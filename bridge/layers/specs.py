"""What somebody writes to say which channel layer there is to be, and what of it may be shown.

A *backend* is ``memory``, ``workers``, ``workers:///run/app.sock``, a URL of Redis, or the dotted path of a
class, each with options after a question mark.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlencode

from hybrid.bridge.errors import ConfigError

#: Shown in place of a secret.
HIDDEN: Final = "***"

#: Schemes of URLs that mean Redis, or Valkey, which speaks the same.
REDIS_SCHEMES: Final = frozenset(
    f"{name}{kind}" for name in ("redis", "valkey") for kind in ("", "s", "+unix", "+sentinel", "s+sentinel")
)
_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*")
_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/\s]*@")
_SECRET = re.compile(r"passw|secret|token|key(?!file)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """Which channel layer there is to be.

    Attributes:
        backend: what carries it, without a query.
        options: of the layer, by name.
        query: the same from the query of a URL, as text.
    """

    backend: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    query: Mapping[str, str] = field(default_factory=dict[str, str])

    def __repr__(self) -> str:
        return f"<LayerSpec {self}>"

    def __str__(self) -> str:
        options = {**self.query, **self.options}
        query = urlencode({name: _plain(name, value) for name, value in options.items()}, safe="*:,[]{}/")
        return masked(self.backend) + (f"?{query}" if query else "")

    @property
    def scheme(self) -> str:
        """What stands before the first colon; ``""`` for a dotted path."""
        return "" if _CLASS.fullmatch(self.backend) else self.backend.partition(":")[0]


def parse_layer(given: object) -> LayerSpec:
    """Read what says which layer there is to be: a text, or a table with ``backend`` and options.

    The names that Channels has in ``CHANNEL_LAYERS``, ``BACKEND`` and ``CONFIG``, work too.

    Raises:
        ConfigError: it can be read in no such way. Nothing is imported to find that out.
    """
    if isinstance(given, LayerSpec):
        return given
    if isinstance(given, str):
        return _parse_text(given)
    if isinstance(given, Mapping):
        return _parse_table(cast("Mapping[str, Any]", given))
    raise ConfigError(f"{given!r} is no channel layer: write a text, or a table with backend and options")


def masked(text: str) -> str:
    """Return a text with what is secret in a URL of it replaced: its password, and options named like one."""
    before, question, query = _PASSWORD.sub(rf"\1:{HIDDEN}@", text).partition("?")
    if not question or not _SECRET.search(query):
        return before + question + query
    pairs = (pair.partition("=") for pair in query.split("&"))
    return before + "?" + "&".join(f"{name}{eq}{HIDDEN if is_secret(name) else v}" for name, eq, v in pairs)


def masked_value(name: str, value: Any) -> Any:
    """Return the value of an option as it may be shown, lists and tables with all that is in them."""
    if is_secret(name):
        return HIDDEN
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        table: Mapping[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {key: masked_value(str(key), each) for key, each in table.items()}
    if isinstance(value, (list, tuple)):
        return [masked_value("", each) for each in cast("list[Any]", value)]
    return value


def is_secret(name: str) -> bool:
    """Tell whether an option with this name may hold a secret."""
    return _SECRET.search(name) is not None


def _plain(name: str, value: Any) -> str:
    return str(masked_value(name, value))


def _parse_text(text: str) -> LayerSpec:
    backend, _, query = text.strip().partition("?")
    scheme = backend.partition(":")[0]
    if backend.rstrip(":") in {"memory", "workers"}:
        backend = scheme
    elif scheme == "workers":
        if not backend.startswith("workers:///"):
            raise ConfigError(
                f"{masked(text)!r}: the path of a socket has three slashes: workers:///run/app.sock"
            )
    elif scheme not in REDIS_SCHEMES and not _CLASS.fullmatch(backend):
        raise ConfigError(f"{masked(text)!r} is no channel layer{_suggestion(scheme)}")
    elif scheme in REDIS_SCHEMES and "://" not in backend:
        raise ConfigError(f"{masked(text)!r} is no URL: write {scheme}://HOST")
    return LayerSpec(backend, query=_parse_query(query))


def _parse_query(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ConfigError(
            f"?{masked('?' + query)[1:]}: options are NAME=VALUE, with & between them"
        ) from None
    options = dict(pairs)
    if len(options) < len(pairs):
        (name, *_) = (name for name, _ in pairs if [each for each, _ in pairs].count(name) > 1)
        raise ConfigError(f"{name}: the option is there twice")
    return options


def _parse_table(table: Mapping[str, Any]) -> LayerSpec:
    values = dict(table)
    channels_form = "BACKEND" in values
    backend = values.pop("BACKEND" if channels_form else "backend", None)
    if not isinstance(backend, str):
        raise ConfigError(
            "the key backend is missing" if backend is None else f"backend: {backend!r} is no text"
        )
    options: Any = values
    if channels_form:
        options = values.pop("CONFIG", {})
        values.pop("TEST_CONFIG", None)  # which only Channels' own tests want
        if values:
            raise ConfigError(
                f"{', '.join(values)}: a channel layer has BACKEND and CONFIG, and nothing else"
            )
        if not isinstance(options, Mapping):
            raise ConfigError("CONFIG: it is not a table")
        options = cast("Mapping[str, Any]", options)
    spec = _parse_text(backend)
    if twice := sorted(spec.query.keys() & options.keys()):
        raise ConfigError(f"{twice[0]}: it is an option, and in the query of the backend too")
    return LayerSpec(spec.backend, dict(options), spec.query)


def _suggestion(scheme: str) -> str:
    import difflib

    found = difflib.get_close_matches(scheme, ["memory", "workers", *REDIS_SCHEMES], n=1)
    hint = f"; did you mean {found[0]}?" if found else ""
    return f"{hint or ': it is memory, workers, redis://HOST, or the dotted path of a class'}"
