"""Running the lifespans of several ASGI applications as one (ASGI lifespan specification 2.0)."""

import asyncio
import enum
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from hybrid.bridge.errors import LifespanError, ProtocolError
from hybrid.bridge.interface import name_of
from hybrid.bridge.types import ASGIApp, LifespanMode, Message, Receive, Resolver, Scope, Send

logger = logging.getLogger(__name__)

#: Seconds for an application to return once all has been said; then its task is cancelled.
_GRACE = 1.0
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
        self._running: list[_Run] = []
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
                    await self._start(_Run(application, name, dict(scope)))
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
                await asyncio.wait({run.cancel()}, timeout=_GRACE)
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
