"""A pytest plugin: real servers for tests, on a port that the system picks.

It is there wherever this package is installed beside pytest; nothing is loaded before a test asks for the
fixture.
"""

from collections.abc import Generator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from hybrid.adapters.pytest_servers import RunningServer


class StartServer(Protocol):
    """What the :func:`hybrid_server` fixture gives."""

    def __call__(self, *applications: object, process: bool = False, **settings: Any) -> "RunningServer":
        """Start a server and return it once it accepts connections.

        Args:
            applications: one application object of any kind, or targets as on the command line.
            process: whether it runs in a process of its own, which only targets can; else on a thread.
            settings: those of :class:`hybrid.server.config.Config`, by name. Unless they say otherwise, the
                system picks a port of 127.0.0.1, and nothing is logged for each request.

        Raises:
            HybridError: it cannot start.
        """
        ...


@pytest.fixture
def hybrid_server() -> Generator[StartServer]:
    """Start servers that end with the test; called as :class:`StartServer` says."""
    with ExitStack() as servers:

        def start(*applications: object, process: bool = False, **settings: Any) -> "RunningServer":
            from hybrid.adapters.pytest_servers import serve_in_process, serve_in_thread

            serve = serve_in_process if process else serve_in_thread
            return servers.enter_context(serve(applications, settings))

        yield start
