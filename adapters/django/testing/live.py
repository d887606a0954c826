"""A live server for tests with real clients, such as browsers; the names of ``channels.testing.live``."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

from hybrid.adapters.django.connections import OPEN
from hybrid.adapters.django.fitted import fit_in
from hybrid.adapters.django.routing import get_default_application
from hybrid.bridge.types import ASGIApp
from hybrid.server.config import Config
from hybrid.server.embedding import running_in_thread

__all__ = ["ChannelsLiveServerTestCase", "make_application", "set_database_connection"]

_ASGIStaticFilesHandler: Final[Any] = import_module(
    "django.contrib.staticfiles.handlers"
).ASGIStaticFilesHandler
_TransactionTestCase: Final[Any] = import_module("django.test.testcases").TransactionTestCase


def make_application(*, static_wrapper: Callable[[ASGIApp], ASGIApp] | None) -> ASGIApp:
    """Return the application of ``ASGI_APPLICATION``, with something around it that serves static files."""
    application: ASGIApp = get_default_application()
    return application if static_wrapper is None else static_wrapper(application)


def set_database_connection() -> None:
    """Let the settings name the test's database. Of use to servers in a process of their own alone."""
    default: Any = import_module("django.conf").settings.DATABASES["default"]
    prefix: str = import_module("django.db.backends.base.creation").TEST_DATABASE_PREFIX
    default["NAME"] = default["TEST"]["NAME"] or f"{prefix}{default['NAME']}"


class ServerThread:
    """A server on a thread, with the methods of the process that Channels starts.

    Args:
        host: where it listens, on a port that the system picks.
        get_application: makes what it serves, on the caller's thread.
        setup: called before that.

    Attributes:
        port: ``port.value`` once it listens.
        ready: set once it listens.
    """

    def __init__(
        self, host: str, get_application: Callable[[], ASGIApp], *, setup: Callable[[], object] | None = None
    ) -> None:
        self.port = SimpleNamespace(value=0)
        self.ready = threading.Event()
        self._host = host
        self._get_application = get_application
        self._setup = setup
        self._running = ExitStack()

    def __repr__(self) -> str:
        return f"<ServerThread {self._host}:{self.port.value} {'' if self.is_alive() else 'not '}serving>"

    def start(self) -> None:
        """Serve, and return when connections are accepted.

        Raises:
            HybridError: it cannot start.
        """
        if self._setup is not None:
            self._setup()
        fit_in()
        config = Config(app=self._get_application(), host=self._host, port=0, access_log=False)
        server = self._running.enter_context(running_in_thread(config))
        self.port.value = urlsplit(server.urls[0]).port
        self.ready.set()

    def is_alive(self) -> bool:
        """Tell whether it serves."""
        return self.ready.is_set()

    def terminate(self) -> None:
        """Drain and stop, and close the database connections that its threads have left open."""
        self.ready.clear()
        self._running.close()
        mine = threading.get_ident()
        for connection in OPEN.all():
            if connection._thread_ident != mine:  # noqa: SLF001 - there is no other way to tell
                connection.inc_thread_sharing()
                connection.close()
                connection.dec_thread_sharing()

    def join(self) -> None:
        """Wait for its end, which :meth:`terminate` has done."""


class ChannelsLiveServerTestCase(_TransactionTestCase):  # type: ignore[misc]
    """A ``TransactionTestCase`` beside which the project's ASGI application is served.

    The server runs on a thread of this process, so that what the test sends through a channel layer in memory
    reaches consumers. The test database must be one that several connections can use: a file, with SQLite.

    Attributes:
        host: where the server listens.
        ProtocolServerProcess: what runs the server.
        static_wrapper: serves static files around the application.
        serve_static: whether it is used.
    """

    host = "localhost"
    ProtocolServerProcess: Any = ServerThread
    static_wrapper: Any = _ASGIStaticFilesHandler
    serve_static = True

    _server_process: Any
    _host_allowed: Any

    @property
    def live_server_url(self) -> str:
        """Where the server listens: ``http://localhost:PORT``."""
        return f"http://{self.host}:{self._server_process.port.value}"

    @property
    def live_server_ws_url(self) -> str:
        """The same for WebSockets: ``ws://localhost:PORT``."""
        return f"ws://{self.host}:{self._server_process.port.value}"

    @classmethod
    def setUpClass(cls) -> None:
        """Start the server.

        Raises:
            django.core.exceptions.ImproperlyConfigured: a database is in memory.
        """
        connections: Any = import_module("django.db").connections
        if any(each.vendor == "sqlite" and each.is_in_memory_db() for each in connections.all()):
            wrong: Any = import_module("django.core.exceptions").ImproperlyConfigured
            raise wrong(
                f"{cls.__name__} needs a test database that is a file: DATABASES[…]['TEST'] = {{'NAME': …}}"
            )
        super().setUpClass()  # pyright: ignore[reportUnknownMemberType] - Django says no types
        cls._host_allowed = import_module("django.test.utils").modify_settings(
            ALLOWED_HOSTS={"append": cls.host}
        )
        cls._host_allowed.enable()
        cls.addClassCleanup(cls._host_allowed.disable)
        cls._server_process = cls.ProtocolServerProcess(cls.host, cls._application)
        cls._server_process.start()
        cls.addClassCleanup(cls._stop)

    @classmethod
    def _application(cls) -> ASGIApp:
        return make_application(static_wrapper=cls.static_wrapper if cls.serve_static else None)

    @classmethod
    def _stop(cls) -> None:
        cls._server_process.terminate()
        cls._server_process.join()
