from collections.abc import Sequence
from types import FrameType
from typing import Any, ClassVar

from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger

class WorkerTmp:
    def notify(self) -> None: ...
    def last_update(self) -> float: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...

class Worker:
    SIGNALS: ClassVar[Sequence[int]]
    PIPE: Sequence[int]
    age: int
    pid: int
    ppid: int
    sockets: Sequence[Any]
    app: BaseApplication
    timeout: float
    cfg: Config
    booted: bool
    aborted: bool
    alive: bool
    nr: int
    max_requests: int
    log: Logger
    tmp: WorkerTmp
    wsgi: Any
    def __init__(
        self,
        age: int,
        ppid: int,
        sockets: Sequence[Any],
        app: BaseApplication,
        timeout: float,
        cfg: Config,
        log: Logger,
    ) -> None: ...
    def notify(self) -> None: ...
    def run(self) -> None: ...
    def init_process(self) -> None: ...
    def init_signals(self) -> None: ...
    def load_wsgi(self) -> None: ...
    def handle_usr1(self, sig: int, frame: FrameType | None) -> None: ...
    def handle_exit(self, sig: int, frame: FrameType | None) -> None: ...
    def handle_quit(self, sig: int, frame: FrameType | None) -> None: ...
    def handle_abort(self, sig: int, frame: FrameType | None) -> None: ...
    def handle_winch(self, sig: int, fname: FrameType | None) -> None: ...
