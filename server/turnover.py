"""Enough requests: of a process, which is then replaced, and of a connection, which is then closed."""

import logging
import random
from collections.abc import Callable

from hybrid.server.config import Config
from hybrid.server.connection import Connection, Handler
from hybrid.server.http11 import Http11
from hybrid.server.wire.http11 import Request

logger = logging.getLogger("hybrid.server")


class RequestCount:
    """Counts the requests of a process up to the one after which it is replaced (``limit_max_requests``).

    Args:
        config: how many, and how many more at most.
        enough: called once, at the last of them.

    Attributes:
        limit: how many there will be; 0 for any number.
        begun: requests so far, WebSocket handshakes included.
    """

    def __init__(self, config: Config, enough: Callable[[], object]) -> None:
        jitter = random.randint(0, config.limit_max_requests_jitter)  # noqa: S311 - nobody gains by guessing
        self.limit = config.limit_max_requests and config.limit_max_requests + jitter
        self.begun = 0
        self._enough = enough

    def __repr__(self) -> str:
        return f"<RequestCount {self.begun} of {self.limit}>"

    def add(self) -> bool:
        """Count one that begins, and tell whether there are enough."""
        self.begun += 1
        if self.begun == self.limit:
            logger.info("limit_max_requests: this was request %d, stopping to be replaced", self.begun)
            self._enough()
        return 0 < self.limit <= self.begun


class _CountingHttp11(Http11):
    """HTTP/1.1 on a connection of a server that counts."""

    def __init__(self, connection: Connection, count: RequestCount) -> None:
        super().__init__(connection)
        self._count = count
        self._left = connection.context.config.limit_keep_alive_requests

    def _begin(self, request: Request) -> None:
        self._left -= 1
        enough = self._count.add()
        if enough or not self._left:
            request.keep_alive = False
        super()._begin(request)


def request_count(config: Config, enough: Callable[[], object]) -> RequestCount | None:
    """Return what counts the requests of a server, on connections of every version; None where no setting
    asks for it.

    Args:
        config: the settings.
        enough: called when the server has had as many requests as it may.
    """
    if not config.limit_max_requests and not config.limit_keep_alive_requests:
        return None
    return RequestCount(config, enough)


def http11_factory(count: RequestCount | None) -> Callable[[Connection], Handler]:
    """Return what speaks HTTP/1.1 on a connection: something that counts only if there is a count."""
    if count is None:
        return Http11
    return lambda connection: _CountingHttp11(connection, count)
