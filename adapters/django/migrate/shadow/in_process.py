"""Requests through both lanes of a project in this process."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from hybrid.adapters.django.lanes.naming import VARIABLE, settings_module
from hybrid.adapters.django.migrate.shadow.call import KEPT_BYTES, Call
from hybrid.adapters.django.migrate.shadow.exchanges import SAFE_METHODS, Outcome, Request
from hybrid.adapters.django.migrate.shadow.guards import install
from hybrid.adapters.django.migrate.shadow.runs import Run, current
from hybrid.bridge.errors import LoadError
from hybrid.bridge.targets import add_app_dir, in_one_line

__all__ = ["LANES", "LIMIT", "InProcess", "LoadError", "UnsafeRequest"]

#: Seconds that a request may take.
LIMIT: Final = 30.0
LANES: Final = ("wsgi", "asgi")


class UnsafeRequest(ValueError):
    """A request whose method may change something, and nobody has said that it is to be sent all the same."""


class InProcess:
    """The lanes of a project, set up in this process, for one request at a time.

    They are those of ``hybrid serve --django``: on the wsgi lane the project's WSGI application on a thread
    of the pool; on the asgi lane its ASGI application on a loop, or where that is Django's handler alone, the
    lane's own, with all that is synchronous on one thread for each request. Neither the configuration nor the
    kind of the view has a say in which lane it is: the caller has.

    Args:
        settings: the module; ``manage.py`` for what the environment or that file says.
        wsgi, asgi: ``module:attribute`` of the applications; ``""`` for those of the settings.
        user: whose requests all of them are to be, by the name that users sign in with; ``""`` for those of
            the cookies that requests have.
        directory: the project's, from which its modules are imported; the current one without it.
        limit: seconds that each run may take.
        kept: bytes that are kept of each body.

    Raises:
        LoadError: by ``with``: the project cannot be imported, there is no such user, or a database cannot be
            rolled back.
    """

    def __init__(  # noqa: PLR0913 - what a command has as options
        self,
        settings: str = "manage.py",
        wsgi: str = "",
        asgi: str = "",
        *,
        user: str = "",
        directory: Path | None = None,
        limit: float = LIMIT,
        kept: int = KEPT_BYTES,
    ) -> None:
        self._settings = settings
        self._wsgi = wsgi
        self._asgi = asgi
        self._user = user
        self._directory = directory or Path.cwd()
        self._limit = limit
        self._kept = kept
        self._machinery: Any = None
        self._guards = ExitStack()
        self._left: list[Any] = []

    def __repr__(self) -> str:
        return f"<InProcess {self._settings}>"

    def __enter__(self) -> Self:
        module = settings_module(self._settings, self._directory)
        add_app_dir(str(self._directory))
        os.environ[VARIABLE] = module
        with ExitStack() as stack:
            with in_one_line(f'"{module}"', "setting up the project"):
                stack.enter_context(install())
                self._set_up()
            self._guards = stack.pop_all()
        return self

    def _set_up(self) -> None:
        from hybrid.adapters.django.lanes.parts import apps, django
        from hybrid.adapters.django.migrate.shadow.guards import databases, sessions
        from hybrid.adapters.django.migrate.shadow.guards.transactions import OPEN

        if not apps.ready:
            django.setup()
        databases.check()
        self._machinery = self._make()
        if self._user:
            sessions.user_named(self._user)
        OPEN.end(None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        machinery, self._machinery = self._machinery, None
        self._left = [each for each in (*self._left, machinery) if not each.close()]
        if not self._left:  # what still runs stays guarded, until the process ends
            self._guards.close()

    @property
    def is_stuck(self) -> bool:
        """Whether something that was called still runs. Then the guards stay up, and Python may wait for its
        thread at the end of the process.
        """
        return bool(self._left) or (self._machinery is not None and self._machinery.is_stuck)

    def run(
        self, request: Request, lane: str, *, unsafe: bool = False, limit: float | None = None
    ) -> Outcome:
        """Send a request through a lane, ``wsgi`` or ``asgi``, and return what came of it.

        Whatever goes wrong in the project is part of that. ``limit`` is for this run alone.

        Raises:
            UnsafeRequest: its method is none of :data:`SAFE_METHODS`, and ``unsafe`` is not said.
        """
        if lane not in LANES:
            raise ValueError(f"there is no lane {lane!r}: it is one of {', '.join(LANES)}")
        if request.method not in SAFE_METHODS and not unsafe:
            raise UnsafeRequest(
                f"{request.method} {request.target} may change something: only GET, HEAD and "
                "OPTIONS are sent unless it is said that others are too"
            )
        from hybrid.adapters.django.migrate.shadow.guards.transactions import OPEN
        from hybrid.adapters.django.migrate.shadow.requests import scope_of

        if self._machinery.is_stuck:
            self._left.append(self._machinery)
            self._machinery = self._make()
        limit = self._limit if limit is None else limit
        call = Call(request, self._kept)
        run = Run(f"{request.method} {request.target} on the {lane} lane", self._user)
        OPEN.end(None)  # what has been done since the last run
        with current.running(run):
            try:
                self._machinery.run(call, lane, scope_of(request), run, limit)
            finally:
                run.over = True
                OPEN.end(run)
        return _outcome(lane, call, run, limit)

    def routes_without_arguments(self, exclude: Sequence[str] = ()) -> list[Request]:
        """Return a request for each route that needs no arguments; see the function of this name."""
        from hybrid.adapters.django.migrate.shadow.requests import routes_without_arguments

        return routes_without_arguments(exclude)

    def view_of(self, target: str) -> str | None:
        """Return the name of the view of a path; None where no route leads there."""
        from hybrid.adapters.django.migrate.shadow.requests import view_of

        return view_of(target)

    def _make(self) -> Any:
        from hybrid.adapters.django.lanes.parts import import_string
        from hybrid.adapters.django.lanes.project import project
        from hybrid.adapters.django.migrate.shadow.machinery import Machinery
        from hybrid.server.config import Config

        wsgi = import_string(_dotted(self._wsgi)) if self._wsgi else None
        return Machinery(project(Config(app=(), django=self._settings), wsgi, _dotted(self._asgi)))


def _dotted(said: str) -> str:
    module, _, attribute = said.partition(":")
    return f"{module}.{attribute or 'application'}" if said else ""


def _outcome(lane: str, call: Call, run: Run, limit: float) -> Outcome:
    if call.timed_out:
        run.note(f"it had not ended after {limit:g} s, when the client left")
    elif run.started > 1 or run.started != run.finished:
        run.note(f"request_started was sent {run.started} times, request_finished {run.finished} times")
    error = "" if call.error is None else f"{type(call.error).__name__}: {call.error}"
    return Outcome(
        lane,
        call.status,
        call.headers,
        call.body,
        call.size,
        call.first_byte,
        tuple(call.chunks),
        run.lines("queries"),
        run.lines("warnings"),
        run.lines("sent"),
        run.exception or error,
        call.complete,
        run.lines("notes"),
    )
