"""Running the lifespans of several ASGI applications as one (ASGI lifespan specification 2.0)."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from hybrid.bridge.errors import LifespanError
from hybrid.bridge.interface import name_of
from hybrid.bridge.lifespan_run import GRACE, LifespanRun
from hybrid.bridge.types import ASGIApp, LifespanMode, Receive, Resolver, Scope, Send

logger = logging.getLogger(__name__)

#: Seconds for what had started to stop, when another application fails to start.
_ROLLBACK_SECONDS = 5.0


#: Keeps values of the state apart: by the :func:`id` of the application whose they are.
Separate = Callable[[Mapping[int, Mapping[str, Any]]], object]


class Lifespan:
    """Starts applications in order and stops them in reverse, each in a task of its own.

    Modes: ``"auto"`` takes an application that raises or returns before it has said anything as one without
    lifespan, ``"on"`` takes that as a failure, ``"off"`` runs nothing. An object is good for one startup and
    one shutdown, on one event loop.

    All applications are given the same ``state``, so that each finds there what those before it have left.
    One that sets a key anew keeps the value for itself, in its own requests: whoever set it first, and
    everybody else, has the first one. That is ``separate``'s to see to, which is called with these values by
    the :func:`id` of their application; without it, such a clash is a failure.

    Nothing here limits how long an application may take to start: to give up, cancel :meth:`startup` or
    :meth:`shutdown`, which cancels the applications.

    ``names`` are what messages call the applications; without them, their module and qualified name.
    """

    def __init__(
        self,
        applications: Sequence[ASGIApp],
        mode: LifespanMode = "auto",
        *,
        names: Sequence[str] | None = None,
        separate: "Separate | None" = None,
    ) -> None:
        self._applications = list(zip(applications, names or map(name_of, applications), strict=True))
        self._mode = mode
        self._running: list[LifespanRun] = []
        self._separate = separate
        self._owners: dict[str, str] = {}  # of the keys of the state, by their names

    def __repr__(self) -> str:
        return f"<Lifespan {self._mode} of {len(self._applications)}, open: {self._running}>"

    @property
    def running(self) -> bool:
        """Whether an application has started and not been stopped."""
        return bool(self._running)

    async def startup(
        self, state: dict[str, Any] | None = None, extensions: Mapping[str, Any] | None = None
    ) -> None:
        """Start every application, each when the one before is ready.

        ``state`` is for the applications to fill; None keeps it out of their scopes, for a server without it.
        ``extensions`` are what the server offers besides.

        Raises:
            LifespanError: an application failed to start; those already started have been shut down again.
        """
        if self._mode == "off":
            return
        scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
        if state is not None:
            scope["state"] = state
        if extensions:
            scope["extensions"] = dict(extensions)
        own: dict[int, dict[str, Any]] = {}
        async with self._cancelled_together():
            try:
                for application, name in self._applications:
                    before = dict(state or {})
                    await self._start(LifespanRun(application, name, dict(scope)))
                    if values := self._take_back(state or {}, before, name):
                        own[id(application)] = values
                if own and self._separate is not None:
                    self._separate(own)
            except LifespanError:
                await self._stop_all(_ROLLBACK_SECONDS)
                raise

    async def shutdown(self, seconds: float | None = None) -> None:
        """Stop what was started, last first; does nothing where nothing runs.

        ``seconds`` are for all of them. One that takes more than its share of what is left is cancelled, so
        that those before it have theirs.

        Raises:
            LifespanError: an application failed while it ran or stopped; all others have been stopped.
        """
        async with self._cancelled_together():
            failures = await self._stop_all(seconds)
        if failures:
            raise LifespanError("; ".join(map(str, failures))) from failures[0]

    async def cancel(self) -> None:
        """Cancel what runs without asking it to stop, and wait a moment for it to end."""
        tasks = [run.cancel() for run in self._running]
        self._running.clear()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE)

    async def _start(self, run: LifespanRun) -> None:
        """Start one application and keep it, unless it has no lifespan or fails."""
        self._running.append(run)
        try:
            supported = await run.start()
        except LifespanError:
            self._running.pop()
            raise
        if not supported:
            self._running.pop()
            if self._mode == "on":
                raise LifespanError(f"{run.name}: lifespan is required, but it {run.end}") from run.error
            # One that asked for the startup event before it raised may well have meant to handle it.
            level = logging.WARNING if run.error and run.heard else logging.DEBUG
            logger.log(level, "%s: runs without lifespan: it %s", run.name, run.end, exc_info=run.error)

    def _take_back(self, state: dict[str, Any], before: dict[str, Any], name: str) -> dict[str, Any]:
        """Return the values that an application has put in the place of others, which are put back.

        Raises:
            LifespanError: nobody can keep them apart.
        """
        own: dict[str, Any] = {}
        for key, value in state.items():
            if key not in before:
                self._owners[key] = name
            elif value is not before[key]:
                own[key] = value
        if not own:
            return own
        owners = "; ".join(f'"{key}", as {self._owners.get(key, "the server")} does' for key in own)
        if self._separate is None:
            raise LifespanError(f"{name}: sets in the lifespan's state {owners}")
        logger.info("%s: sets in the lifespan's state %s: each sees its own", name, owners)
        state.update((key, before[key]) for key in own)
        return own

    async def _stop_all(self, seconds: float | None = None) -> list[LifespanError]:
        """Stop what runs, last first, and return what went wrong on the way."""
        failures: list[LifespanError] = []
        loop = asyncio.get_running_loop()
        end = None if seconds is None else loop.time() + seconds
        while self._running:
            run = self._running[-1]
            share = None if end is None else max(0.0, end - loop.time()) / len(self._running)
            try:
                async with asyncio.timeout(share):
                    await run.stop()
            except TimeoutError:
                failures.append(
                    LifespanError(f"{run.name}: cutting off lifespan shutdown after {share:.1f} s")
                )
                await asyncio.wait({run.cancel()}, timeout=GRACE)
            except LifespanError as failure:
                failures.append(failure)
            self._running.pop()
        return failures

    @asynccontextmanager
    async def _cancelled_together(self) -> AsyncGenerator[None, None]:
        """See that no application goes on alone when whoever waits for it is cancelled."""
        try:
            yield
        except LifespanError:
            raise
        except (asyncio.CancelledError, Exception):
            await self.cancel()
            raise


def lifespan_app(
    applications: Sequence[ASGIApp],
    *,
    names: Sequence[str] | None = None,
    separate: Separate | None = None,
) -> ASGIApp:
    """Make one ASGI application of several lifespans: what a router gives a server that asks it for its own.

    Mode ``"auto"``. Without applications it completes quietly. Errors go to the server as
    ``lifespan.startup.failed`` and ``lifespan.shutdown.failed``.
    """

    async def serve_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
        lifespan = Lifespan(applications, names=names, separate=separate)
        try:
            await receive()
            if await _answer("startup", lifespan.startup(scope.get("state"), scope.get("extensions")), send):
                await receive()
                await _answer("shutdown", lifespan.shutdown(), send)
        finally:
            await lifespan.cancel()  # nothing is left to cancel, unless the server gave up in between

    return serve_lifespan


async def _answer(event: str, work: Awaitable[None], send: Send) -> bool:
    """Do the work, tell the server how it went, and return whether it went well."""
    try:
        await work
    except LifespanError as error:
        await send({"type": f"lifespan.{event}.failed", "message": str(error)})
        return False
    await send({"type": f"lifespan.{event}.complete"})
    return True


class OwnState(Resolver):
    """An application that has values of its own for some keys of the lifespan's state."""

    def __init__(self, application: ASGIApp, own: Mapping[str, Any]) -> None:
        self._application = application
        self._own = own

    def __repr__(self) -> str:
        return f"<OwnState {self._application!r} {sorted(self._own)}>"

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Return the application, and the scope with its values."""
        return self._application, {**scope, "state": {**scope.get("state", {}), **self._own}}
