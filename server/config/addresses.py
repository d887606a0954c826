"""What `--bind` names: an address and port, a Unix socket, or a descriptor that somebody has opened."""

import re
from pathlib import Path
from typing import NamedTuple

#: What is said of a text that is none of them.
FORMS = "HOST:PORT, [IPV6]:PORT, unix:PATH or fd://NUMBER"

_PORTS = 65536
_HOST = re.compile(r"[^\s:\[\]@?#]*")


class TCPAddress(NamedTuple):
    """A host and a port; an empty host is every address of the machine, port 0 one that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class UnixAddress(NamedTuple):
    """The path of a Unix socket."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


class InheritedSocket(NamedTuple):
    """A listening socket that this process was started with: its number, or the name that systemd gives it
    (``FileDescriptorName=``).
    """

    descriptor: int | str

    def __str__(self) -> str:
        kind = "file descriptor" if isinstance(self.descriptor, int) else "the descriptor named"
        return f"{kind} {self.descriptor}"


Address = TCPAddress | UnixAddress | InheritedSocket


def parse_address(text: str, default_port: int) -> Address:
    """Read an address as gunicorn does, and refuse what gunicorn would guess at.

    Args:
        text: ``host:port``, ``host``, ``:port``, ``[v6]:port``, ``unix:path``, ``unix:///path``, ``fd://3``,
            or ``fd://name``.
        default_port: for a host without one.

    Raises:
        ValueError: it cannot be read; the message says why, and not what the text was.
    """
    if text.startswith("unix:"):
        return UnixAddress(_path(text.removeprefix("unix:").removeprefix("//")))
    if text.startswith("fd://"):
        return InheritedSocket(_descriptor(text.removeprefix("fd://")))
    return _tcp(text.removeprefix("tcp://"), default_port)


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError("it names no path")
    return Path(text)


def _descriptor(text: str) -> int | str:
    if text.isascii() and text.isdigit():
        return int(text)
    if not text or ":" in text or not text.isprintable():  # what systemd allows
        raise ValueError("it names no descriptor")
    return text


def _tcp(text: str, default_port: int) -> TCPAddress:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not host or (rest and not rest.startswith(":")):
            raise ValueError(f"it is not {FORMS}")
        return TCPAddress(host, _port(rest[1:]) if rest else default_port)
    if text.count(":") > 1 and "/" not in text:
        raise ValueError("an IPv6 address stands in brackets, [::1]:8000")
    host, colon, port = text.partition(":")
    if not text or "/" in text or not _HOST.fullmatch(host):
        raise ValueError(f"it is not {FORMS}")
    return TCPAddress(host, _port(port) if colon else default_port)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 5 or int(text) >= _PORTS:
        raise ValueError(f"{text!r} is not a port")
    return int(text)
