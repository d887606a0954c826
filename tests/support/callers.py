"""Clients that ask one thing after another, as a proxy does, and note each request that was not answered."""

import http.client
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.support.sockets import DEADLINE


class Callers:
    """Ask for `path` on connections that are kept, or not, each on a thread, until the block ends.

    Attributes:
        answers: the bodies, in the order in which they came.
        failures: why requests were not answered.
    """

    def __init__(self, port: int, path: str = "/", *, count: int = 4, kept: bool = True) -> None:
        self.answers: list[str] = []
        self.failures: list[str] = []
        self._port = port
        self._path = path
        self._fields = {} if kept else {"Connection": "close"}
        self._end = threading.Event()
        self._progress = threading.Condition()
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(DEADLINE)

    def wait_for(self, count: int) -> None:
        """Return once there are so many more answers, or a failure."""
        with self._progress:
            wanted = len(self.answers) + count
            assert self._progress.wait_for(lambda: self.failures or len(self.answers) >= wanted, DEADLINE)

    def _call(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=DEADLINE)
        while not self._end.is_set():
            answer, failure = "", ""
            try:
                connection.request("GET", self._path, headers=self._fields)
                answer = connection.getresponse().read().decode()
            except (OSError, http.client.HTTPException) as error:
                failure = repr(error)
                with suppress(OSError):
                    connection.close()
            with self._progress:
                (self.failures if failure else self.answers).append(failure or answer)
                self._progress.notify_all()
        connection.close()
