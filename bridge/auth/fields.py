"""Reading the header fields of a scope, and naming a client in the log."""

from typing import Final

from hybrid.bridge.types import Scope

#: Characters of what a client wrote that are put into the log.
_SHOWN: Final = 200


def values_of(scope: Scope, name: bytes) -> list[str]:
    """Return the values of all header fields of a name, in order; the name is in lower case."""
    return [
        value.decode("latin-1").strip()
        for field, value in scope.get("headers") or ()
        if bytes(field).lower() == name
    ]


def cookies_of(scope: Scope, name: str) -> list[str]:
    """Return the values of all cookies of a name, in order: the one for the longest path comes first
    (RFC 6265 section 5.4).
    """
    pairs = (pair.partition("=") for field in values_of(scope, b"cookie") for pair in field.split(";"))
    return [value.strip() for key, equals, value in pairs if equals and key.strip() == name]


def shown(text: str) -> str:
    """Write what came from a client so that it can neither forge a line of the log nor fill it."""
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return cut.encode("unicode_escape").decode("ascii")


def name_of(scope: Scope) -> str:
    """Name a connection in the log: its type and path, and never its query, where secrets may be."""
    return f"{scope['type']} {shown(str(scope.get('path', '')))}"
