"""The servers that the pytest plugin starts: on a thread, or in a process of their own."""

import re
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from hybrid.bridge.errors import ConfigError, HybridError
from hybrid.server.config import Config
from hybrid.server.config.settings import Flag, Texts, settings_of
from hybrid.server.embedding import running_in_thread

#: What a test wants, unless it says otherwise.
_DEFAULTS = {"port": 0, "access_log": False}
_LISTENING_PREFIX = "hybrid: listening on "
#: All the lines that say where, and the beginning of the next.
_LISTENING = re.compile(rf"(?:^{_LISTENING_PREFIX}\S+\n)+(?=.)", re.MULTILINE)
#: Seconds that a process may take to start, and to end once its server has drained.
_PATIENCE = 30.0


@dataclass(frozen=True)
class RunningServer:
    """A server that accepts connections.

    Attributes:
        urls: where it listens, ``http://127.0.0.1:PORT`` for one.
        pid: of its process; None for one on a thread of the tests' own.
    """

    urls: Sequence[str]
    pid: int | None = None

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return self.urls[0]

    @property
    def ws_url(self) -> str:
        """The same for WebSockets: ``ws://127.0.0.1:PORT``."""
        return re.sub("^http", "ws", self.url)


@contextmanager
def serve_in_thread(applications: Sequence[object], settings: Mapping[str, Any]) -> Generator[RunningServer]:
    """Serve on a thread while the block runs."""
    app = applications[0] if len(applications) == 1 else list(applications)
    with running_in_thread(Config(app=app, **_with_defaults(settings))) as server:
        yield RunningServer(server.urls)


@contextmanager
def serve_in_process(applications: Sequence[object], settings: Mapping[str, Any]) -> Generator[RunningServer]:
    """Serve targets in a process of its own while the block runs; it is ended by its id.

    Raises:
        ConfigError: an application is no target.
        HybridError: it did not start; the message is what it wrote.
    """
    config = Config(app=list(applications), **_with_defaults(settings))  # refuses what is wrong, here
    command = [
        sys.executable,
        "-m",
        "hybrid",
        "serve",
        *_arguments(settings),
        *map(str, config.targets or ()),
    ]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # noqa: S603
    assert process.stderr is not None
    log = _Log(process.stderr)
    try:
        yield RunningServer(log.wait_until_listening(), process.pid)
    finally:
        _end(process, config.timeout_graceful_shutdown + _PATIENCE)
        sys.stderr.write(log.close())  # pytest shows it when the test fails


def _with_defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {**_DEFAULTS, **settings}


def _arguments(settings: Mapping[str, Any]) -> list[str]:
    """Write settings as a command line has them: defaults too, which a file or a variable might change."""
    arguments: list[str] = []
    known = settings_of(Config)
    for name, value in _with_defaults(settings).items():
        what, _ = known[name]
        if not what.option:
            raise ConfigError(f"{name}: a server in a process of its own cannot be given an object")
        flag = what.flag_of(name)
        if value is None:  # which no option can say
            continue
        if isinstance(what, Flag):
            arguments.append(flag if value else f"--no-{flag.removeprefix('--')}")
        elif isinstance(what, Texts):
            arguments += [f"{flag}={each}" for each in value]
        else:
            arguments.append(f"{flag}={value}")
    return arguments


class _Log:
    """What a process writes to stderr, collected by a thread until it closes that."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._text = ""
        self._closed = False
        self._more = threading.Condition()  # guards the text and whether it is complete
        self._thread = threading.Thread(target=self._collect, name="server log", daemon=True)
        self._thread.start()

    def wait_until_listening(self) -> list[str]:
        """Return where the process listens, once it has said so and gone on.

        Raises:
            HybridError: it ended before, or takes too long.
        """
        with self._more:
            self._more.wait_for(lambda: self._closed or _LISTENING.search(self._text), _PATIENCE)
            found = _LISTENING.search(self._text)
            if found is None:
                raise HybridError(f"the server did not start:\n{self._text}")
            return found[0].replace(_LISTENING_PREFIX, "").split()

    def close(self) -> str:
        """Return all that was written, once the process has ended."""
        self._thread.join(_PATIENCE)
        self._stream.close()
        return self._text

    def _collect(self) -> None:
        """Read line by line (on the thread)."""
        for line in self._stream:
            with self._more:
                self._text += line
                self._more.notify_all()
        with self._more:
            self._closed = True
            self._more.notify_all()


def _end(process: "subprocess.Popen[str]", seconds: float) -> None:
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
