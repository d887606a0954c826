"""A real Redis server for tests, which can be killed and started again, and layers that use it."""

import contextlib
import secrets
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from hybrid.bridge.layers.redis import RedisChannelLayer
from tests.support.needs import require_module, require_program
from tests.support.process import DEADLINE
from tests.support.waiting import poll

#: Attempts to find a port that nobody takes before Redis does.
_ATTEMPTS = 5
#: Ports that are tried, those from which on, and where Linux says which ones it gives away.
_CHOICES = 100
_LOWEST = 10_000
_GIVEN = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody had a moment ago: Redis takes 0 for none at all.

    It is none of those that the system gives away by itself, so that nobody who asks for any port gets it
    before its owner has it, or while that starts again.
    """
    for _ in range(_CHOICES):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", _any_port())) as listener:
            port: int = listener.getsockname()[1]
            return port
    raise AssertionError("there is no free port")


def _any_port() -> int:
    """Choose a port below those that the system gives away; 0, which leaves it to the system, without any."""
    if not _GIVEN.exists():
        return 0
    lowest = int(_GIVEN.read_text(encoding="ascii").split()[0])
    return _LOWEST + secrets.randbelow(lowest - _LOWEST) if lowest > _LOWEST else 0


class RedisServer:
    """A `redis-server` that keeps nothing on disk. A context manager.

    Args:
        folder: for its socket and its log.
        options: of the command line, without `--`.
        sentinel: the configuration of a sentinel, which is what is started then.
    """

    def __init__(self, folder: Path, *options: str, sentinel: str = "") -> None:
        self.folder = folder
        self.socket = folder / "redis.sock"
        self._program = require_program("redis-server", "valkey-server")
        self._options = options
        self._sentinel = sentinel
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<RedisServer in {self.folder}>"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """Its Unix socket."""
        return f"unix://{self.socket}"

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self.folder / "redis.log").read_text()

    def start(self) -> None:
        """Start it, and return when it answers."""
        self.socket.unlink(missing_ok=True)
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, *self._arguments()], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if not poll(self._answers):
            self.kill()
            raise AssertionError(f"redis-server does not answer:\n{self.log}")

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(DEADLINE)
            self._process = None

    def command(self, *words: str) -> bytes:
        """Have it run a command, and return what it answers, or the beginning of that."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DEADLINE)
            client.connect(str(self.socket))
            pieces = [f"${len(word)}\r\n{word}\r\n" for word in words]
            client.sendall(f"*{len(words)}\r\n{''.join(pieces)}".encode())
            return client.recv(65536)

    def _arguments(self) -> Sequence[str]:
        common = ["--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"]
        if self._sentinel:
            file = self.folder / "sentinel.conf"
            file.write_text(self._sentinel)
            return [str(file), "--sentinel", *self._options, *common[:2]]
        ports = [] if "--port" in self._options else ["--port", "0"]
        return [*ports, *common, "--dir", str(self.folder), *self._options]

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return self.command("PING") == b"+PONG\r\n"
        assert self._process is not None
        assert self._process.poll() is None, self.log
        return False


@contextlib.contextmanager
def redis_process() -> Iterator[str]:
    """Run a server on a TCP port while the block runs; give its URL."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder, contextlib.ExitStack() as stack:
        for attempt in range(_ATTEMPTS, 0, -1):
            port = free_port()
            server = RedisServer(Path(folder), "--port", str(port), "--bind", "127.0.0.1")
            try:
                stack.enter_context(server)
                break
            except AssertionError:  # somebody else has got the port
                if attempt == 1:
                    raise
        yield f"redis://127.0.0.1:{port}"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of this test's own."""
    require_module("redis")
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisServer(folder) as server:
        yield server


@contextlib.asynccontextmanager
async def sharing(
    server: RedisServer | str, number: int = 2, *, is_open: bool = True, **options: Any
) -> AsyncIterator[list[RedisChannelLayer]]:
    """Make layers that are as good as those of so many processes; they are closed at the end."""
    url = server if isinstance(server, str) else server.url
    layers = [RedisChannelLayer(url, **options) for _ in range(number)]
    try:
        for layer in layers:
            if is_open:
                await layer.open()
        yield layers
    finally:
        for layer in layers:
            await layer.close()
