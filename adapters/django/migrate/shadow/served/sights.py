"""What a running server has seen of one request, and what becomes of that: a request, and its outcome.

While the request is served only references are kept. Texts are made of them later, and elsewhere.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any, Final
from urllib.parse import quote

from hybrid.adapters.django.lanes.choice import arguments_of, view_of
from hybrid.adapters.django.migrate.shadow.exchanges import SAFE_METHODS, Headers, Outcome, Request
from hybrid.adapters.django.migrate.shadow.secrets import REDACTED, is_secret_parameter
from hybrid.bridge.types import BODILESS, LANE, Scope

#: Bytes of a body that are kept, and times of its pieces.
KEPT_BYTES, _KEPT_TIMES = 256 * 1024, 1000
#: Fields with which a body comes.
_BODY: Final = frozenset({b"content-length", b"transfer-encoding"})
#: A field that debugging adds, which says nothing but the lane.
_LANE_FIELD: Final = b"x-hybrid-lane"
_FILE: Final = "its body, a file, was not kept"


def is_safe(scope: Scope) -> bool:
    """Say whether a request changes nothing, and has no body."""
    if scope["method"] not in SAFE_METHODS:
        return False
    return all(
        name not in _BODY or (name, value) == (b"content-length", b"0") for name, value in scope["headers"]
    )


class Asked:
    """What was asked, as the server has it (loop).

    Args:
        scope: of the request, before an application has it.

    Attributes:
        view: the name of the view.
    """

    __slots__ = ("_arguments", "_headers", "_method", "_path", "_query", "_root", "view")

    def __init__(self, scope: Scope) -> None:
        self.view = view_of(scope)
        self._arguments: Mapping[str, Any] = arguments_of(scope)
        self._headers: tuple[tuple[bytes, bytes], ...] = (*scope["headers"],)
        self._method: str = scope["method"]
        self._path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        self._query: bytes = scope["query_string"]
        self._root: str = scope.get("root_path", "").rstrip("/")

    def __repr__(self) -> str:
        return f"<Asked {self._method} {self._path!r}>"

    def request(self, *, below_root: bool = False, with_secrets: bool = True) -> Request:
        """Return it as texts. Any thread.

        Args:
            below_root: whether the path is to begin where the project does, and not where the server does.
            with_secrets: whether arguments of the path, such as a token, are kept.
        """
        path = self._path.decode("latin-1")
        if below_root and self._root:
            path = path.removeprefix(quote(self._root)) or "/"
        if not with_secrets:
            path = self._without_secrets(path)
        query = self._query.decode("latin-1")
        target = f"{path}?{query}" if query else path
        return Request(self._method, target, _texts(self._headers), b"", self.view)

    def _without_secrets(self, path: str) -> str:
        for name, value in self._arguments.items():
            if is_secret_parameter(name) and value:
                path = _as_sent(str(value)).sub(REDACTED, path)
        return path


class Seen:
    """What was answered so far: a :class:`~hybrid.bridge.taps.Sight`. One thread at a time.

    Args:
        scope: of the request.
        done: is given this at its end, once.

    Attributes:
        asked: what was asked.
        size: bytes of the body.
        kept: bytes of it that are kept.
    """

    __slots__ = (
        "__weakref__", "_began", "_chunks", "_done", "_first", "_has_body", "_headers", "_lane", "_notes",
        "_parts", "_status", "asked", "complete", "kept", "size",
    )  # fmt: skip

    def __init__(self, scope: Scope, done: Callable[["Seen"], object]) -> None:
        self.asked = Asked(scope)
        self.complete = True
        self.kept = self.size = 0
        self._lane = str(scope.get(LANE, "")).partition(";")[0]
        self._done: Callable[[Seen], object] | None = done
        self._has_body = scope["method"] != "HEAD"
        self._status = 0
        self._headers: tuple[tuple[bytes, bytes], ...] = ()
        self._parts: list[bytes] = []
        self._chunks: list[float] = []
        self._notes: tuple[str, ...] = ()
        self._first = 0.0
        self._began = perf_counter()

    def __repr__(self) -> str:
        return f"<Seen {self.asked!r} {self._status}>"

    def head(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Take the head; the last one counts."""
        self._status, self._headers = status, (*headers,)
        self._has_body = self._has_body and status not in BODILESS

    def part(self, data: bytes) -> None:
        """Take a part of the body, as far as there is room."""
        if not data or not self._has_body or self._done is None:
            return
        self.size += len(data)
        if len(self._chunks) < _KEPT_TIMES:
            self._chunks.append(perf_counter() - self._began)
        if room := KEPT_BYTES - self.kept:
            self._parts.append(data if len(data) <= room else data[:room])
            self.kept += min(len(data), room)

    def file(self, count: int) -> None:
        """Take note of a file, which nobody reads."""
        if self._has_body:
            self.size += count
            self._notes = (_FILE,)

    def end(self, *, complete: bool) -> None:
        """Hand it on."""
        done, self._done = self._done, None
        if done is not None:
            self.complete = complete
            self._first = self._chunks[0] if self._chunks else perf_counter() - self._began
            done(self)

    def forget(self) -> None:
        """Look no more: nobody wants it, and what is kept is let go."""
        self._done = None
        self._parts = []

    def outcome(self) -> Outcome:
        """Return what came of it. Any thread, after the end."""
        return Outcome(
            self._lane,
            self._status,
            _texts(each for each in self._headers if each[0].lower() != _LANE_FIELD),
            b"".join(self._parts),
            self.size,
            self._first,
            tuple(self._chunks),
            complete=self.complete,
            notes=self._notes,
        )


def _as_sent(value: str) -> re.Pattern[str]:
    """Return what finds a value in a path, whichever of its characters a client has percent-encoded."""
    return re.compile("".join(f"(?:{re.escape(chr(byte))}|(?i:%{byte:02x}))" for byte in value.encode()))


def _texts(fields: Iterable[tuple[bytes, bytes]]) -> Headers:
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in fields)
