"""WSGI applications behind the bridge, in real processes: on `hybrid`'s direct path, and under uvicorn.

The direct path can be asked in HTTP/2 too.
"""

import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.support.http_versions import BOTH, CONNECTIONS, Connection, Exchange, Version
from tests.support.process import ROOT, ServerProcess, start_server
from tests.support.sockets import DEADLINE, raw
from tests.support.uvicorn import start_uvicorn

Path_ = Literal["direct", "uvicorn"]
#: The two paths; whatever the bridge promises holds on both.
PATHS: tuple[Path_, ...] = ("direct", "uvicorn")
Way = Literal["direct", "uvicorn", "http2"]
#: The two paths, and the direct one for clients of HTTP/2: what a test expects of one holds for all of them.
WAYS: tuple[Way, ...] = (*PATHS, "http2")

#: What a server must not have written by its end: nothing that is asked of it leads to these.
COMPLAINTS = (
    *("Warning", "never retrieved", "never awaited", "Exception in thread", "Exception in callback"),
    *("Exception ignored", "Fatal", "a job failed", "could not be"),
)


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the value of a field, its repeats joined; None without it."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("example.org", timeout=DEADLINE)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of the host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(self._path)


class Bridge:
    """A server process with WSGI applications, and clients for it."""

    def __init__(
        self, path: Path_, server: ServerProcess, uds: str | None = None, version: Version = "1.1"
    ) -> None:
        self.path = path
        self.server = server
        self.version = version
        self._uds = uds
        self._open = ExitStack()

    def __repr__(self) -> str:
        return f"<Bridge {self.path} {self.server!r} HTTP/{self.version}>"

    def needs_http11(self, reason: str) -> None:
        """Skip a test of what there is in HTTP/1.1 alone."""
        if self.version != "1.1":
            pytest.skip(f"of HTTP/1.1 alone: {reason}")

    def close(self) -> None:
        """Close the connections that :meth:`start` has made."""
        self._open.close()

    @property
    def port(self) -> int:
        """The TCP port."""
        return self.server.port

    def connection(self) -> "http.client.HTTPConnection | Connection":
        """Make a connection, for more than one request; the caller closes it."""
        if self.version == "2":
            return self._connect("example.org" if self._uds else f"127.0.0.1:{self.port}")
        if self._uds is not None:
            return _UnixConnection(self._uds)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)

    def _connect(self, host: str = "x", receive_buffer: int = 0) -> Connection:
        sock = socket.socket(socket.AF_UNIX if self._uds else socket.AF_INET)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(DEADLINE)
        sock.connect(self._uds or ("127.0.0.1", self.port))
        return CONNECTIONS[self.version](sock, host)

    def start(
        self, target: str, *fields: str, method: str = "GET", ends: bool = True, receive_buffer: int = 0
    ) -> Exchange:
        """Send the head of a request on a new connection, which stays until the end of the server.

        Args:
            target: what is asked for.
            fields: lines of the head.
            method: GET unless it is said.
            ends: whether there is no body; the caller sends one otherwise.
            receive_buffer: bytes that the system holds for the client; 0 leaves it to the system.
        """
        connection = self._open.enter_context(closing(self._connect(receive_buffer=receive_buffer)))
        return connection.start(target, *fields, method=method, ends=ends)

    def ask(self, target: str, body: Any = None, *, method: str = "", **headers: str) -> Answer:
        """Ask on a new connection, and return the whole answer. A body makes it a POST."""
        with closing(self.connection()) as connection:
            return ask(connection, target, body, method=method, **headers)

    def answer(self, **order: Any) -> Answer:
        """Have `wsgi_answer` answer with this status, these headers and these parts."""
        return self.ask("/answer", json.dumps(order))

    def raw(self, data: bytes, *, until: bytes | None = None) -> bytes:
        """Send bytes, and return what comes until the server closes, or until something has come."""
        return raw(self.port, data, until=until)

    def open(self, target: str, *lines: str, receive_buffer: int = 0) -> socket.socket:
        """Send a GET and return the socket, from which nothing has been read; the caller closes it."""
        client = socket.socket()
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(DEADLINE)
        client.connect(("127.0.0.1", self.port))
        client.sendall("\r\n".join([f"GET {target} HTTP/1.1", "Host: x", *lines, "", ""]).encode())
        return client

    # What the applications have seen, see tests/apps/wsgi_events.py.

    def events(self, name: str) -> list[str]:
        """Return what has happened to the request of a name."""
        found: list[str] = self.ask(f"/events/{name}").json
        return found

    def step(self, name: str) -> None:
        """Let the request of a name take a step."""
        self.ask(f"/events/{name}", b"")

    def wait_for_event(self, name: str, event: str, times: int = 1) -> list[str]:
        """Return what has happened to the request of a name, once an event is among it."""
        end = time.monotonic() + DEADLINE
        while (events := self.events(name)).count(event) < times:
            assert time.monotonic() < end, (
                f"{event!r} did not happen to {name!r}: {events}\n{self.server.stderr}"
            )
        return events

    # What the process is made of.

    def peak_memory(self) -> int:
        """Return the most memory that the process has had, in bytes (Linux)."""
        return self.server.peak_memory()


def ask(
    connection: http.client.HTTPConnection | Connection,
    target: str,
    body: Any = None,
    *,
    method: str = "",
    **headers: str,
) -> Answer:
    """Ask on a connection, and return the whole answer; underscores in header names become dashes."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(connection, Connection):
        return _ask(connection, target, body, method, fields)
    with suppress(BrokenPipeError, ConnectionResetError):  # it may be refused before it has been sent
        connection.request(method or ("GET" if body is None else "POST"), target, body, fields)
    response = connection.getresponse()
    return Answer(response.status, response.reason, response.getheaders(), response.read())


def _ask(connection: Connection, target: str, body: Any, method: str, fields: Mapping[str, str]) -> Answer:
    """Ask as http.client does."""
    parts = [body.encode() if isinstance(body, str) else body]
    if not isinstance(parts[0], bytes):
        parts = [] if body is None else body
    elif "content-length" not in fields:
        fields = {**fields, "content-length": str(len(parts[0]))}
    lines = [f"{name}: {value}" for name, value in fields.items()]
    method = method or ("GET" if body is None else "POST")
    exchange = connection.start(target, *lines, method=method, ends=body is None)
    for part in parts:
        exchange.send(part)
    if body is not None:
        exchange.end()
    status, headers, content, *_ = exchange.response()
    return Answer(status, "", [(n.decode("latin-1"), v.decode("latin-1")) for n, v in headers], content)


@contextmanager
def bridge_to(
    path: Way,
    targets: Sequence[str],
    folder: Path,
    *,
    env: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[Bridge]:
    """Serve targets in one of the :data:`WAYS`; the process must end well, and without complaints.

    Targets are those of `hybrid serve`; the modules are found as `tests.apps.NAME`. Options too, those about
    bodies on either path.
    """
    environment = {"PYTHONPATH": str(ROOT), "WSGI_TARGETS": " ".join(targets), **(env or {})}
    if path != "uvicorn":
        if path == "http2":
            options |= BOTH
        server = start_server(*targets, cwd=folder, env=environment, access_log=False, **options)
    else:
        names = {"wsgi_buffer": "buffer", "limit_request_body": "limit"}
        policy = {names[option]: options.pop(option) for option in names.keys() & options.keys()}
        environment["WSGI_BODY_POLICY"] = json.dumps(policy)
        server = start_uvicorn("tests.apps.wsgi_gateway:app", cwd=folder, env=environment, **options)
    served = Bridge(
        "uvicorn" if path == "uvicorn" else "direct",
        server,
        options.get("uds"),
        "2" if path == "http2" else "1.1",
    )
    with server:
        with closing(served):
            yield served
        server.terminate()
    for complaint in COMPLAINTS:
        assert complaint not in server.stderr, server.stderr
