"""Running the lifespans of several ASGI applications as one (ASGI lifespan specification 2.0)."""

import asyncio
import enum
import logging
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from hybrid.bridge.errors import LifespanError, ProtocolError
from hybrid.bridge.interface import name_of
from hybrid.bridge.types import ASGIApp, LifespanMode, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

#: Seconds for an application to return once all has been said; then its task is cancelled.
_GRACE = 1.0


class Lifespan:
    """Starts applications in order and stops them in reverse, each in a task of its own.

    Modes: ``"auto"`` takes an application that raises or returns before it has said anything as one without
    lifespan, ``"on"`` takes that as a failure, ``"off"`` runs nothing. All applications are given the same
    ``state``. An object is good for one startup and one shutdown, on one event loop.

    Nothing here limits how long an application may take to start or to stop: to give up, cancel
    :meth:`startup` or :meth:`shutdown`, which cancels the applications.

    ``names`` are what messages call the applications; without them, their module and qualified name.
    """

    def __init__(
        self,
        applications: Sequence[ASGIApp],
        mode: LifespanMode = "auto",
        *,
        names: Sequence[str] | None = None,
    ) -> None:
        self._applications = list(zip(applications, names or map(name_of, applications), strict=True))
        self._mode = mode
        self._running: list[_Run] = []

    def __repr__(self) -> str:
        return f"<Lifespan {self._mode} of {len(self._applications)}, open: {self._running}>"

    async def startup(self, state: dict[str, Any] | None = None) -> None:
        """Start every application, each when the one before is ready.

        ``state`` is for the applications to fill; None keeps it out of their scopes, for a server without it.

        Raises:
            LifespanError: an application failed to start; those already started have been shut down again.
        """
        if self._mode == "off":
            return
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
        if state is not None:
            scope["state"] = state
        async with self._cancelled_together():
            try:
                for application, name in self._applications:
                    await self._start(_Run(application, name, dict(scope)))
            except LifespanError:
                await self._stop_all()
                raise

    async def shutdown(self) -> None:
        """Stop what was started, last first; does nothing where nothing runs.

        Raises:
            LifespanError: an application failed while it ran or stopped; all others have been stopped.
        """
        async with self._cancelled_together():
            failures = await self._stop_all()
        if failures:
            raise LifespanError("; ".join(map(str, failures))) from failures[0]

    async def cancel(self) -> None:
        """Cancel what runs without asking it to stop, and wait a moment for it to end."""
        tasks = [run.cancel() for run in self._running]
        self._running.clear()
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE)

    async def _start(self, run: "_Run") -> None:
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

    async def _stop_all(self) -> list[LifespanError]:
        """Stop what runs, last first, and return what went wrong on the way."""
        failures: list[LifespanError] = []
        while self._running:
            try:
                await self._running[-1].stop()
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


def lifespan_app(applications: Sequence[ASGIApp], *, names: Sequence[str] | None = None) -> ASGIApp:
    """Make one ASGI application of several lifespans: what a router gives a server that asks it for its own.

    Mode ``"auto"``. Without applications it completes quietly. Errors go to the server as
    ``lifespan.startup.failed`` and ``lifespan.shutdown.failed``.
    """

    async def serve_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
        lifespan = Lifespan(applications, names=names)
        try:
            await receive()
            if await _answer("startup", lifespan.startup(scope.get("state")), send):
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


class _Phase(enum.Enum):
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


#: What an application may say in which phase, and the phase that it leads to.
_TRANSITIONS = {
    (_Phase.STARTING, "lifespan.startup.complete"): _Phase.RUNNING,
    (_Phase.STARTING, "lifespan.startup.failed"): _Phase.FAILED,
    (_Phase.STOPPING, "lifespan.shutdown.complete"): _Phase.STOPPED,
    (_Phase.STOPPING, "lifespan.shutdown.failed"): _Phase.FAILED,
}


class _Run:
    """One application's lifespan: its task, and what has been said."""

    def __init__(self, application: ASGIApp, name: str, scope: Scope) -> None:
        self.name = name
        self.phase = _Phase.STARTING
        self.error: BaseException | None = None
        self._application = application
        self._scope = scope
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._answered = asyncio.Event()
        self._message = ""

    def __repr__(self) -> str:
        return f"<{self.name} {self.phase.value}>"

    @property
    def heard(self) -> bool:
        """Whether the application has taken everything that it was told."""
        return self._inbox.empty()

    @property
    def end(self) -> str:
        """How the application ended, as words to follow its name."""
        if self.error is None:
            return "returned without an answer"
        text = f"{type(self.error).__name__}: {self.error}".removesuffix(": ")
        return f"raised {' '.join(text.split())}"

    async def start(self) -> bool:
        """Return True once the application has started, False when it has no lifespan.

        Raises:
            LifespanError: it failed.
        """
        self._inbox.put_nowait({"type": "lifespan.startup"})
        self._task = asyncio.create_task(self._live(), name=f"lifespan of {self.name}")
        await self._answered.wait()
        if self.phase is _Phase.RUNNING:
            return True
        await self._let_go()
        if self.phase is _Phase.FAILED:
            raise LifespanError(f"{self.name}: lifespan startup failed: {self._reason()}") from self.error
        if self.error is not None and not isinstance(self.error, Exception):
            raise LifespanError(f"{self.name}: {self.end} in its lifespan startup") from self.error
        return False

    async def stop(self) -> None:
        """Ask the application to stop, and return once it has.

        Raises:
            LifespanError: it failed to, or had failed before.
        """
        if not self._task.done():
            self._answered.clear()
            self.phase = _Phase.STOPPING
            self._inbox.put_nowait({"type": "lifespan.shutdown"})
            await self._answered.wait()
            await self._let_go()
        if self.phase is _Phase.FAILED:
            raise LifespanError(f"{self.name}: lifespan shutdown failed: {self._reason()}") from self.error
        if self.error is not None and self.phase is not _Phase.STOPPED:
            raise LifespanError(f"{self.name}: {self.end} in its lifespan") from self.error

    def cancel(self) -> asyncio.Task[None]:
        """Cancel the application's task, and return it."""
        self._task.cancel()
        return self._task

    async def _live(self) -> None:
        """Run the application to its end; what it raises stays here, for a SystemExit would stop the loop."""
        try:
            await self._application(self._scope, self._receive, self._send)
        except (asyncio.CancelledError, GeneratorExit) as error:
            self.error = error
            raise
        except BaseException as error:
            self.error = error
            if self.phase not in {_Phase.STARTING, _Phase.FAILED}:  # of these, start() and stop() tell
                logger.error("%s: %s in its lifespan", self.name, self.end, exc_info=error)
        finally:
            self._answered.set()

    async def _receive(self) -> Message:
        if self.phase in {_Phase.STOPPED, _Phase.FAILED}:
            self._task.cancel()  # nothing follows: it would wait for ever
        elif self.phase is _Phase.STOPPING and self.heard:
            raise ProtocolError(f"{self.name}: called receive() again instead of answering lifespan.shutdown")
        return await self._inbox.get()

    async def _send(self, message: Message) -> None:
        kind = str(message.get("type"))
        phase = _TRANSITIONS.get((self.phase, kind))
        if phase is None:
            raise ProtocolError(f"{self.name}: sent {kind!r} while its lifespan was {self.phase.value}")
        self.phase = phase
        self._message = str(message.get("message", ""))
        self._answered.set()

    def _reason(self) -> str:
        """Give the last line of a failure's message; a longer one, often a whole traceback, is logged."""
        lines = self._message.strip().splitlines()
        if len(lines) > 1:
            logger.error("%s: lifespan failed:\n%s", self.name, self._message.strip())
        return lines[-1].strip() if lines else "it gave no reason"

    async def _let_go(self) -> None:
        """Give the application a moment to return after its last word, and cancel it when it does not."""
        await asyncio.wait({self._task}, timeout=_GRACE)
        if not self._task.done():
            await asyncio.wait({self.cancel()}, timeout=_GRACE)
