"""WSGI applications behind the bridge, in real processes: on `hybrid`'s direct path, and under uvicorn."""

import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.support.process import ROOT, ServerProcess, start_server
from tests.support.sockets import DEADLINE, raw
from tests.support.uvicorn import start_uvicorn

Path_ = Literal["direct", "uvicorn"]
#: The two paths; whatever the bridge promises holds on both.
PATHS: tuple[Path_, ...] = ("direct", "uvicorn")

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

    def __init__(self, path: Path_, server: ServerProcess, uds: str | None = None) -> None:
        self.path = path
        self.server = server
        self._uds = uds

    def __repr__(self) -> str:
        return f"<Bridge {self.path} {self.server!r}>"

    @property
    def port(self) -> int:
        """The TCP port."""
        return self.server.port

    def connection(self) -> http.client.HTTPConnection:
        """Make a connection, for more than one request; the caller closes it."""
        if self._uds is not None:
            return _UnixConnection(self._uds)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)

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
    connection: http.client.HTTPConnection, target: str, body: Any = None, *, method: str = "", **headers: str
) -> Answer:
    """Ask on a connection, and return the whole answer; underscores in header names become dashes."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    with suppress(BrokenPipeError):  # it may be answered, and refused, before it has been sent
        connection.request(method or ("GET" if body is None else "POST"), target, body, fields)
    response = connection.getresponse()
    return Answer(response.status, response.reason, response.getheaders(), response.read())


@contextmanager
def bridge_to(
    path: Path_,
    targets: Sequence[str],
    folder: Path,
    *,
    env: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[Bridge]:
    """Serve targets on one of the :data:`PATHS`; the process must end well, and without complaints.

    Targets are those of `hybrid serve`; the modules are found as `tests.apps.NAME`. Options too, those about
    bodies on either path.
    """
    environment = {"PYTHONPATH": str(ROOT), "WSGI_TARGETS": " ".join(targets), **(env or {})}
    if path == "direct":
        server = start_server(*targets, cwd=folder, env=environment, access_log=False, **options)
    else:
        names = {"wsgi_buffer": "buffer", "limit_request_body": "limit"}
        policy = {names[option]: options.pop(option) for option in names.keys() & options.keys()}
        environment["WSGI_BODY_POLICY"] = json.dumps(policy)
        server = start_uvicorn("tests.apps.wsgi_gateway:app", cwd=folder, env=environment, **options)
    with server:
        yield Bridge(path, server, options.get("uds"))
        server.terminate()
    for complaint in COMPLAINTS:
        assert complaint not in server.stderr, server.stderr
