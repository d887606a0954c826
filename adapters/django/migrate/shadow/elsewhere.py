"""The lanes of a project in a process of its own, which is started from here.

What guards requests there counts for that whole process: a server, or a command that has more to do, must be
another one. It also ends where the project does not want to: by force.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from hybrid.adapters.django.migrate.shadow.exchanges import Outcome, Request
from hybrid.bridge.errors import LoadError

_MODULE: Final = "hybrid.adapters.django.migrate.shadow.child"
#: Seconds beyond the limit of a request after which the process is taken for stuck.
_SLACK: Final = 20.0
_END_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Settings:
    """What :class:`~hybrid.adapters.django.migrate.shadow.in_process.InProcess` is given, as plain values.

    Attributes:
        seconds: that setting the project up may take.
        nice: how much others go before it, as of :manpage:`nice(2)`.
    """

    settings: str = "manage.py"
    wsgi: str = ""
    asgi: str = ""
    user: str = ""
    directory: str = "."
    limit: float = 30.0
    seconds: float = 60.0
    nice: int = 0


class Elsewhere:
    """The lanes in another process: for one request at a time, and one thread at a time.

    Args:
        settings: which project, and how.

    Raises:
        LoadError: by ``with``: the project cannot be set up, or not in time.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None

    def __repr__(self) -> str:
        return f"<Elsewhere {self._settings.settings} {self._process and self._process.pid}>"

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def run(
        self, request: Request, lane: str, *, unsafe: bool = False, limit: float | None = None
    ) -> Outcome:
        """Send a request through a lane. A process that ends with it is an outcome too.

        Raises:
            LoadError: the process had ended with an earlier request, and does not start again.
        """
        if self._process is None:
            self._start()
        try:
            most = self._settings.limit if limit is None else limit
            answer = self._ask(("run", request, lane, unsafe, most), most + _SLACK)
        except (OSError, EOFError, TimeoutError) as error:
            why = self.close() or str(error)
            return Outcome(lane, 0, complete=False, exception=f"the process of the project {why}")
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Outcome)
        return answer

    def routes_without_arguments(self, exclude: Sequence[str] = ()) -> list[Request]:
        """Return a request for each route that needs no arguments; see the function of this name.

        Raises:
            LoadError: the process has ended.
        """
        found: list[Request] = self._know("routes", tuple(exclude))
        return found

    def view_of(self, target: str) -> str | None:
        """Return the name of the view of a path; None where no route leads there.

        Raises:
            LoadError: the process has ended.
        """
        name: str | None = self._know("view", target)
        return name

    def _know(self, what: str, about: Any) -> Any:
        if self._process is None:
            self._start()
        try:
            return self._ask((what, about), self._settings.seconds)
        except (OSError, EOFError, TimeoutError) as error:
            raise LoadError(f"the process of the project {self.close() or error}") from None

    @property
    def pid(self) -> int | None:
        """The id of the process; None where there is none. Any thread."""
        process = self._process
        return None if process is None else process.pid

    def kill(self) -> None:
        """End the process, and what it has started, by force; who waits for an answer is told so. Any thread.
        Then nobody should run anything any more, but :meth:`close` it.
        """
        if (process := self._process) is not None and process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

    def close(self) -> str:
        """End the process, and what it has started; return how it had ended by itself, if it had."""
        process, self._process = self._process, None
        line, self._line = self._line, None
        if line is not None:
            line.close()  # on which it ends
        if process is None:
            return ""
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
        with suppress(ProcessLookupError, PermissionError):  # nobody is left
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        return _how(code) if code not in (0, -signal.SIGKILL) else ""

    def _start(self) -> None:
        if not Path(self._settings.directory).is_dir():
            raise LoadError(f'"{self._settings.directory}": there is no such directory')
        ours, theirs = socket.socketpair()
        with theirs:
            path = [str(Path(each).absolute()) for each in sys.path if isinstance(each, str)]
            said = json.dumps({"descriptor": theirs.fileno(), "path": path, **asdict(self._settings)})
            # Without -P the working directory would come first where our own modules are looked for too.
            self._process = subprocess.Popen(  # noqa: S603 - this Python, and our own module
                [sys.executable, "-P", "-m", _MODULE, said],
                cwd=self._settings.directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self._line = Connection(ours.detach())
        try:
            answer: Any = self._receive(self._settings.seconds)
        except (OSError, EOFError, TimeoutError) as error:
            raise LoadError(f'"{self._settings.settings}": the process {self.close() or error}') from None
        if isinstance(answer, Exception):
            self.close()
            raise answer

    def _ask(self, question: tuple[Any, ...], seconds: float) -> Any:
        assert self._line is not None
        self._line.send(question)
        return self._receive(seconds)

    def _receive(self, seconds: float) -> Any:
        assert self._line is not None
        if not self._line.poll(seconds):
            raise TimeoutError(f"has not answered for {seconds:g} s")
        return self._line.recv()


def _how(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended by itself with the exit code {code}"
