"""The servers and bridges that are asked: how each is started, at its best, in one process with threads."""

import contextlib
import os
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.contestants import version as installed
from benchmarks.cpu import family
from benchmarks.servers import ROOT, START_TIMEOUT, ServerError, free_port, running
from benchmarks.servers import Server as Process
from benchmarks.wsgi_matrix.apps.notes import VARIABLE
from benchmarks.wsgi_matrix.client import Client

APP = "benchmarks.wsgi_matrix.apps:app"
UNDER_ASGI = "benchmarks.wsgi_matrix.apps.under_asgi"
#: Where the applications are put for the check of SCRIPT_NAME.
PREFIX = "/prefix"
#: What the surroundings say of proxies is none of the servers' doing, and granian shows it to applications.
_NOT_PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


@dataclass(frozen=True)
class Contestant:
    """A server with the applications.

    `arguments` follow `python -m`, with `{port}` where the port goes. `mount` is added to put the
    applications below `PREFIX`, `mount_environment` to the environment for it; `strips` says that the
    server then expects a proxy in front to have taken the prefix off. `packages` are the distributions whose
    versions count.
    """

    name: str
    packages: tuple[str, ...]
    arguments: tuple[str, ...]
    mount: tuple[str, ...] = ()
    mount_environment: tuple[tuple[str, str], ...] = ()
    strips: bool = False

    def missing(self) -> list[str]:
        """The distributions that are not installed."""
        return [name for name in self.packages if installed(name) is None]

    def versions(self) -> str:
        """Name the installed versions. Of this project there is none to name: it is the checkout's."""
        return ", ".join(
            "this checkout" if name == "hybrid-gateway" else f"{name} {version(name)}"
            for name in self.packages
        )


def _uvicorn(bridge: str, package: str) -> Contestant:
    options = ("--port", "{port}", "--no-access-log")
    return Contestant(
        f"uvicorn + {bridge}",
        (package, "uvicorn", "httptools", "uvloop"),
        ("uvicorn", *options, f"{UNDER_ASGI}:{bridge}"),
        mount=("--root-path", PREFIX),
        strips=True,
    )


CONTESTANTS = (
    Contestant(
        "hybrid",
        ("hybrid-gateway",),
        ("hybrid", "serve", "--port", "{port}", "--no-access-log", APP),
        mount=("--root-path", PREFIX),
        strips=True,
    ),
    _uvicorn("hybrid", "hybrid-gateway"),
    _uvicorn("a2wsgi", "a2wsgi"),
    _uvicorn("asgiref", "asgiref"),
    Contestant(
        "Hypercorn",
        ("hypercorn", "uvloop"),
        (
            *("hypercorn", "--worker-class", "uvloop", "--bind", "127.0.0.1:{port}"),
            *("--config", "python:benchmarks.wsgi_matrix.hypercorn", f"wsgi:{APP}"),
        ),
        mount=("--root-path", PREFIX),
    ),
    Contestant(
        "granian",
        ("granian", "uvloop"),
        (
            *("granian", "--interface", "wsgi", "--port", "{port}", "--workers", "1"),
            *("--blocking-threads", "4", APP),
        ),
        mount=("--url-path-prefix", PREFIX),
    ),
    Contestant(
        "gunicorn",
        ("gunicorn", "gunicorn_h1c"),
        (
            *("gunicorn", "--worker-class", "gthread", "--threads", "4", "--bind", "127.0.0.1:{port}"),
            *("--no-control-socket", APP),
        ),
        mount_environment=(("SCRIPT_NAME", PREFIX),),
    ),
    Contestant(
        "waitress",
        ("waitress",),
        ("waitress", "--listen", "127.0.0.1:{port}", "--threads", "4", APP),
        mount=("--url-prefix", PREFIX),
    ),
)


class Peer:
    """A running server, and what the applications in it have noted.

    Attributes:
        port: of 127.0.0.1.
        prefix: what every path begins with.
    """

    def __init__(self, process: Process, port: int, notes: Path, prefix: str) -> None:
        self._process = process
        self._notes = notes
        self.port = port
        self.prefix = prefix

    def connect(self, receive_buffer: int = 0) -> Client:
        """Open a connection; the caller closes it."""
        return Client(self.port, receive_buffer)

    def is_alive(self) -> bool:
        """Whether the server answers a plain request on a new connection."""
        with contextlib.suppress(OSError), self.connect() as client:
            head = f"GET {self.prefix}/alive HTTP/1.1\r\nHost: matrix\r\nConnection: close\r\n\r\n"
            client.send(head.encode("ascii"))
            return client.read_reply().body == b"alive"
        return False

    def wait_until_alive(self) -> None:
        """Return once the applications answer: some servers listen before they have loaded them."""
        end = time.monotonic() + START_TIMEOUT
        while not self.is_alive():
            if time.monotonic() > end:
                raise ServerError(f"does not answer: {self._process.last_line()}")

    def notes(self, name: str) -> list[str]:
        """Return what an application has noted so far."""
        with contextlib.suppress(FileNotFoundError):
            return (self._notes / name).read_text(encoding="utf-8").splitlines()
        return []

    def forget(self, name: str) -> None:
        """Throw away what an application has noted, for another check of the same."""
        for left in (name, f"{name}.step"):
            (self._notes / left).unlink(missing_ok=True)

    def step(self, name: str) -> None:
        """Let an application that waits go on."""
        (self._notes / f"{name}.step").touch()

    def output(self) -> str:
        """Return what the server has written, to stdout and to stderr."""
        self._process.output.seek(0)
        return self._process.output.read().decode(errors="replace")

    # Memory, on Linux.

    def reset_peak_memory(self) -> None:
        """Let the peak of each process of the server be what it uses now."""
        for pid in family(self._process.pid):
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")

    def peak_memory(self) -> int | None:
        """Return the peaks of all processes of the server together, in bytes; None where nobody knows."""
        if not Path("/proc/self/status").exists():
            return None
        return sum(_peak_memory(pid) for pid in family(self._process.pid))


def _peak_memory(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


@contextlib.contextmanager
def serving(contestant: Contestant, *, mounted: bool = False) -> Generator[Peer]:
    """Run a server while the block runs; the notes of its applications go with it."""
    port = free_port()
    arguments = [argument.replace("{port}", str(port)) for argument in contestant.arguments]
    with tempfile.TemporaryDirectory(prefix="wsgi-matrix-") as notes:
        environment = {key: value for key, value in os.environ.items() if key.lower() not in _NOT_PASSED_ON}
        environment |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", VARIABLE: notes}
        prefix = ""
        if mounted:
            prefix = "" if contestant.strips else PREFIX
            arguments[-1:-1] = contestant.mount
            environment |= dict(contestant.mount_environment)
        with running(arguments, port, environment) as process:
            peer = Peer(process, port, Path(notes), prefix)
            peer.wait_until_alive()
            yield peer
