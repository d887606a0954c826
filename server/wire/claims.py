"""Whether what a proxy says of a request makes sense: each check gives the value to use, or None."""

import re
from typing import Final
from urllib.parse import unquote

from hybrid.server.wire.target import is_host

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HIGHEST_PORT: Final = 65535
_SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_PORT = re.compile(r"[0-9]{1,5}")
#: Segments of a path, none of them empty: ``//evil.example`` would lead a redirect to another host.
_PATH = re.compile(r"(?:/[A-Za-z0-9\-._~!$&'()*+;=:@%]+)+")


def checked_scheme(value: str) -> str | None:
    """Return ``http`` or ``https``."""
    return _SCHEMES.get(value.lower())


def checked_host(value: str) -> str | None:
    """Return a name or address, with or without a port, as Host has it (RFC 9110 section 7.2)."""
    return value if value and is_host(value.encode("latin-1")) else None


def checked_port(value: str) -> int | None:
    """Return a port that one can connect to."""
    port = int(value) if _PORT.fullmatch(value) else 0
    return port if 0 < port <= _HIGHEST_PORT else None


def checked_path(raw: str) -> str | None:
    """Return a path percent-decoded, if it cannot lead elsewhere than below this host."""
    if _PATH.fullmatch(raw) is None:
        return None
    path = unquote(raw, errors="replace")
    segments = path.split("/")
    if path.count("/") != raw.count("/") or "." in segments or ".." in segments or "\\" in path:
        return None
    return path if path.isprintable() and "\ufffd" not in path else None


def split_host(value: str) -> tuple[str, int]:
    """Return the name, an IPv6 address with its brackets, and the port: 0 without one."""
    name, colon, port = value.rpartition(":")
    if not colon or port.endswith("]"):
        return value, 0
    return name, int(port) if port.isascii() and port.isdigit() else 0
