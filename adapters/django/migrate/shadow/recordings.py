"""Recordings: requests in a file, and what came of them where that was kept.

A file of JSON lines. The first says ``{"format": "hybrid-recording", "version": 1, "redacted": true}``; each
other one is a request, with ``outcome`` where there is one. A body is a text, or ``{"base64": "…"}``.
"""

import base64
import json
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from hybrid.adapters.django.migrate.shadow.exchanges import Headers, Outcome, Request
from hybrid.adapters.django.migrate.shadow.secrets import (
    REDACTED,
    redacted_body,
    redacted_headers,
    redacted_target,
)

FORMAT: Final = "hybrid-recording"
VERSION: Final = 1

#: Requests and bytes that a file takes, and bytes of each body; what comes after is left out.
MOST: Final = 10_000
MOST_BYTES: Final = 64 * 1024 * 1024
MOST_BODY: Final = 1024 * 1024
_encode: Final = json.JSONEncoder(ensure_ascii=False).encode
#: What an outcome has as tuples, and JSON as lists.
_TUPLES: Final = frozenset({"chunks", "queries", "warnings", "sent", "notes"})
#: By what a request is somebody's.
_OF_SOMEBODY: Final = frozenset({"cookie", "authorization"})


class RecordingError(ValueError):
    """A file that cannot be read; the text names it, and the line."""


@dataclass(frozen=True)
class Recorded:
    """A request of a file, and what came of it then.

    Attributes:
        lacks: the fields by which it was somebody's, that were written over when it was recorded.
    """

    request: Request
    outcome: Outcome | None = None
    lacks: frozenset[str] = frozenset()


class RecordingWriter:
    """Writes a recording that nobody but its owner can read. Any thread may write. A context manager.

    Args:
        path: of the file, which is written anew.
        with_secrets: whether cookies, credentials and the bodies of requests are kept.
        most: requests that it takes.
        most_bytes: bytes that it takes.
    """

    def __init__(
        self, path: Path, *, with_secrets: bool = False, most: int = MOST, most_bytes: int = MOST_BYTES
    ) -> None:
        self._with_secrets = with_secrets
        self._left, self._bytes_left = most, most_bytes
        self._lock = threading.Lock()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file: IO[bytes] = os.fdopen(descriptor, "wb")
        os.fchmod(descriptor, 0o600)
        self._file.write(_line({"format": FORMAT, "version": VERSION, "redacted": not with_secrets}))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is left, and close the file."""
        with self._lock:
            self._file.close()

    def write(self, request: Request, outcome: Outcome | None = None) -> bool:
        """Add a request; return False where the file is full, or closed."""
        return self.write_line(line_of(request, outcome, with_secrets=self._with_secrets))

    def write_line(self, line: bytes) -> bool:
        """Add a line that :func:`line_of` has made, in another process perhaps; see :meth:`write`."""
        with self._lock:
            if self._file.closed or self._left < 1 or len(line) > self._bytes_left:
                return False
            self._left -= 1
            self._bytes_left -= len(line)
            self._file.write(line)
            self._file.flush()
        return True


def line_of(request: Request, outcome: Outcome | None = None, *, with_secrets: bool = False) -> bytes:
    """Return the line of a request, with its newline. Any thread."""
    return _line(_request(request, outcome, with_secrets=with_secrets))


def is_recording(line: str) -> bool:
    """Say whether a file that begins with this line is one."""
    try:
        return bool(json.loads(line)["format"] == FORMAT)
    except (ValueError, KeyError, TypeError):
        return False


def read_recording(lines: Iterable[str], name: str) -> Iterator[Recorded]:
    """Give what is in a recording.

    Args:
        lines: of the file.
        name: of the file, for errors.

    Raises:
        RecordingError: a line is not what it should be, or another version has written it.
    """
    numbered = enumerate(lines, 1)
    version = json.loads(next(numbered)[1]).get("version")
    if version != VERSION:
        raise RecordingError(f"{name}: this is version {version} of a recording, and {VERSION} is known here")
    for number, line in numbered:
        if line.strip():
            try:
                yield _read(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise RecordingError(f"{name}:{number}: this is no request: {error}") from None


def _request(request: Request, outcome: Outcome | None, *, with_secrets: bool) -> dict[str, Any]:
    if not with_secrets:
        headers = redacted_headers(request.headers)
        request = replace(request, headers=headers, target=redacted_target(request.target), body=b"")
    said: dict[str, Any] = {
        "method": request.method,
        "target": request.target,
        "headers": request.headers,
        "body": _written(request.body[:MOST_BODY]),
        "view": request.view,
    }
    if outcome is not None:
        headers = outcome.headers if with_secrets else redacted_headers(outcome.headers)
        body = outcome.body[:MOST_BODY]
        said["outcome"] = {
            **vars(outcome),
            "headers": headers,
            "body": _written(body if with_secrets else redacted_body(outcome.headers, body)),
        }
    return said


def _read(said: Any) -> Recorded:
    fields = _fields(said.get("headers", ()))
    request = Request(
        str(said["method"]),
        str(said["target"]),
        tuple((name, value) for name, value in fields if value != REDACTED),
        _body(said.get("body", "")),
        str(said.get("view", "")),
    )
    outcome = said.get("outcome")
    lacks = _OF_SOMEBODY.intersection(name for name, value in fields if value == REDACTED)
    return Recorded(request, None if outcome is None else _outcome(outcome), lacks)


def _outcome(said: dict[str, Any]) -> Outcome:
    values: dict[str, Any] = {
        name: tuple(value) if name in _TUPLES and value is not None else value
        for name, value in said.items()
        if name in Outcome.__dataclass_fields__
    }
    values["headers"], values["body"] = _fields(said.get("headers", ())), _body(said.get("body", ""))
    return Outcome(**values)


def _fields(said: Any) -> Headers:
    return tuple((str(name).lower(), str(value)) for name, value in said)


def _written(body: bytes) -> Any:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def _body(said: Any) -> bytes:
    return said.encode() if isinstance(said, str) else base64.b64decode(said["base64"])


def _line(said: dict[str, Any]) -> bytes:
    return _encode(said).encode(errors="surrogateescape") + b"\n"
