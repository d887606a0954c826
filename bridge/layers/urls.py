"""URLs that say which channel layer is meant: its options, and how to show one without its secrets."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from hybrid.bridge.errors import ConfigError

Reader = Callable[[str], Any]

#: Options that every layer has, and what turns the text in a URL into a value.
COMMON: Final[Mapping[str, Reader]] = {
    "expiry": float,
    "group_expiry": float,
    "capacity": int,
    "overflow": str,
    "history": int,
    "history_expiry": float,
    "backlog": int,
}

#: Those that layers have that reach several processes.
SHARED: Final[Mapping[str, Reader]] = {**COMMON, "max_message_size": int, "timeout": float}

_PASSWORD = re.compile(r"(?<=//)([^/@?]*):([^/?]*)@")
_SECRET = re.compile(r"((?:^|[?&])[^=&]*(?:password|secret|token)[^=&]*=)[^&]*", re.IGNORECASE)


def split_options(
    url: str, options: Mapping[str, Reader], others: Collection[str] = ()
) -> tuple[str, dict[str, Any]]:
    """Return a URL without the options of the layer in its query, and the options.

    Args:
        url: such as ``redis://host/0?capacity=50&ssl_ca_certs=ca.pem``.
        options: those of the layer, see :data:`COMMON` and :data:`SHARED`.
        others: what else the query may have; it stays in the URL.

    Raises:
        ConfigError: there is an option that is neither, or one that is no number and should be.
    """
    base, _, query = url.partition("?")
    found: dict[str, Any] = {}
    kept: list[tuple[str, str]] = []
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name in options:
            found[name] = _value(url, name, text, options[name])
        elif name in others:
            kept.append((name, text))
        else:
            known = ", ".join(sorted(options))
            raise ConfigError(f"{redacted(url)}: there is no option {name!r} of the layer; there are {known}")
    return (f"{base}?{urlencode(kept)}" if kept else base), found


def redacted(url: str) -> str:
    """Return a URL as it may be shown: passwords are three stars."""
    base, mark, query = url.partition("?")
    return _PASSWORD.sub(r"\1:***@", base) + mark + _SECRET.sub(r"\1***", query)


def _value(url: str, name: str, text: str, read: Reader) -> Any:
    try:
        return read(text)
    except ValueError:
        kind = "a whole number" if read is int else "a number"
        raise ConfigError(f"{redacted(url)}: {name} must be {kind}, not {text!r}") from None
