"""Applications served over HTTP/2 by a server on a thread of this process, for tests that look at both
sides.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NamedTuple

from hybrid.bridge.types import Send
from hybrid.server.config import Config
from hybrid.server.embedding import running_in_thread
from hybrid.server.server import Server
from tests.support.http2_clients import Http2Client, http2


class Served(NamedTuple):
    """A server, and where it listens."""

    server: Server
    port: int


@contextmanager
def serving(app: object, **settings: Any) -> Generator[Served]:
    """Serve an application to those who begin with HTTP/2, while the block runs; without a lifespan."""
    given: dict[str, Any] = {"access_log": False, "lifespan": "off", "timeout_graceful_shutdown": 5.0}
    given |= {"http2_cleartext": True, **settings}
    with running_in_thread(Config(app=app, port=0, **given)) as server:
        assert server.listeners is not None
        yield Served(server, int(server.listeners.urls[0].rpartition(":")[2]))


@contextmanager
def served(app: object, *, acknowledges: bool = True, **settings: Any) -> Generator[Http2Client]:
    """Serve an application, and connect one client to it."""
    with serving(app, **settings) as at, http2(at, acknowledges=acknowledges) as client:
        yield client


async def start(send: Send, *headers: tuple[bytes, bytes], status: int = 200, **more: Any) -> None:
    """Begin a response."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers), **more})


async def part(send: Send, data: bytes = b"", *, more: bool = False) -> None:
    """Send a part of its body, the last one unless more is said."""
    await send({"type": "http.response.body", "body": data, "more_body": more})
