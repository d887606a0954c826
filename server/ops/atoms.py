"""The format of access lines: gunicorn's atoms and ours, compiled once into what is asked for each line."""

import os
import re
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from hybrid.server.ops.access_record import PROTOCOLS, AccessRecord, WebSocketRecord
from hybrid.server.ops.escape import escape, format_client
from hybrid.server.wording import did_you_mean

Getter = Callable[[AccessRecord], object]

#: A conversion as the ``%`` operator takes it: the atom's name, and how its value is to be written.
_CONVERSION = re.compile(
    r"%(?:%|\((?P<name>[^()]*)\)(?P<form>[#0\- +]*[0-9]*(?:\.[0-9]+)?[diouxXeEfFgGcrsa]))"
)
_VARIABLE = re.compile(r"\{(?P<name>[^{}]+)\}(?P<kind>[ioe])")


class FormatError(ValueError):
    """A format that no line can be written with; the message says what is wrong."""


class LineFormat:
    """Writes a line from a record: a template, and a getter for each place in it.

    Args:
        text: as gunicorn's ``access_log_format``, with the atoms of :data:`ATOMS`.

    Raises:
        FormatError: an atom is unknown, or cannot be written as the format asks.
    """

    __slots__ = ("_getters", "_template", "text", "wants_environ")

    def __init__(self, text: str) -> None:
        self.text = text
        self._getters: list[Getter] = []
        self.wants_environ = False
        if "%" in _CONVERSION.sub("", text):
            raise FormatError("a '%' begins no atom: write %(NAME)s, or %% for the character")
        self._template = _CONVERSION.sub(self._place, text)
        if "\n" in text or "\r" in text:
            raise FormatError("a line cannot have several lines")
        self._try()

    def __repr__(self) -> str:
        return f"LineFormat({self.text!r})"

    def __call__(self, record: AccessRecord) -> str:
        """Write the line."""
        return self._template % tuple([get(record) for get in self._getters])

    def _place(self, found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return "%%"
        self._getters.append(self._getter(name))
        return f"%{found['form']}"

    def _getter(self, name: str) -> Getter:
        variable = _VARIABLE.fullmatch(name)
        if variable is not None:
            self.wants_environ = self.wants_environ or variable["kind"] == "e"
            return _VARIABLES[variable["kind"]](variable["name"])
        if name not in ATOMS:
            raise FormatError(f"there is no atom %({name})s{did_you_mean(name, ATOMS, '%({})s')}")
        return ATOMS[name]

    def _try(self) -> None:
        """Write a line of a request of which nothing is known, as the worst of all."""
        try:
            self(AccessRecord(self, None, None))
        except (TypeError, ValueError) as error:
            raise FormatError(f"{self.text!r} cannot be written: {error}") from None


def _text(value: object) -> str:
    """Write what may be missing."""
    return "-" if value is None or value == "" else escape(str(value))


def _host(record: AccessRecord) -> str:
    return _text(record.client[0] if record.client else None)


def _decoded_path(record: AccessRecord) -> str:
    return escape(unquote_to_bytes(record.path).decode("latin-1")) or "-"


def _protocol(record: AccessRecord) -> str:
    version = record.http_version
    return "-" if version is None else PROTOCOLS[version]


def _request_line(record: AccessRecord) -> str:
    request = record.request
    if request is None:
        return escape(record.request_line) or "-"
    return escape(f"{request.method} {request.target.decode('ascii')} {PROTOCOLS[request.http_version]}")


def _microseconds(record: AccessRecord) -> int:
    return int(record.duration * 1_000_000)


def _queue_time(record: AccessRecord) -> str:
    return "-" if record.queue_time is None else f"{record.queue_time:.6f}"


def _of_websocket(name: str) -> Getter:
    def get(record: AccessRecord) -> str:
        return _text(getattr(record, name)) if isinstance(record, WebSocketRecord) else "-"

    return get


def _round_trip(name: str) -> Getter:
    def get(record: AccessRecord) -> str:
        seconds = getattr(record, name) if isinstance(record, WebSocketRecord) else None
        return "-" if seconds is None else f"{seconds:.6f}"

    return get


def _request_header(name: str) -> Getter:
    return lambda record: _text(record.request_header(name))


def _response_header(name: str) -> Getter:
    return lambda record: _text(record.response_header(name))


def _environ_variable(name: str) -> Getter:
    lower = name.lower()

    def get(record: AccessRecord) -> str:
        found: Any = None
        for key, value in record.environ_variables().items():
            if key.lower() == lower:
                found = value
        return _text(found)

    return get


class _Clock:
    """The time in Apache's form, which is written once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def __call__(self, _: AccessRecord) -> str:
        second = int(time.time())
        if second != self._second:
            self._text = time.strftime("[%d/%b/%Y:%H:%M:%S %z]", time.localtime(second))
            self._second = second
        return self._text


_VARIABLES: Final[dict[str, Callable[[str], Getter]]] = {
    "i": _request_header,
    "o": _response_header,
    "e": _environ_variable,
}

#: What each atom writes: gunicorn's, and then ours.
ATOMS: Final[dict[str, Getter]] = {
    "h": _host,
    "l": lambda _: "-",
    "u": lambda record: _text(record.user),
    "t": _Clock(),
    "r": _request_line,
    "m": lambda record: _text(record.method),
    "U": _decoded_path,
    "q": lambda record: escape(record.query),
    "H": _protocol,
    "s": lambda record: record.status,
    "B": lambda record: record.body_bytes,
    "b": lambda record: str(record.body_bytes),
    "f": _request_header("referer"),
    "a": _request_header("user-agent"),
    "T": lambda record: int(record.duration),
    "D": _microseconds,
    "M": lambda record: int(record.duration * 1000),
    "L": lambda record: f"{record.duration:.6f}",
    "p": lambda _: f"<{os.getpid()}>",
    "client": lambda record: format_client(record.client),
    "target": lambda record: _text(record.target),
    "queue_time": _queue_time,
    "application": lambda record: _text(record.application),
    "pool": lambda record: _text(record.pool),
    "lane": lambda record: _text(record.lane),
    "event": lambda record: record.event.value,
    "close_code": _of_websocket("close_code"),
    "close_reason": _of_websocket("close_reason"),
    "closed_by": _of_websocket("closed_by"),
    "messages_in": _of_websocket("messages_in"),
    "messages_out": _of_websocket("messages_out"),
    "bytes_in": _of_websocket("bytes_in"),
    "bytes_out": _of_websocket("bytes_out"),
    "rtt": _round_trip("rtt"),
    "rtt_min": _round_trip("rtt_min"),
}
