"""The lifespan of one ASGI application: its task, and what the two have said to each other."""

import asyncio
import enum
import logging

from hybrid.bridge.errors import LifespanError, ProtocolError
from hybrid.bridge.types import ASGIApp, Message, Scope

logger = logging.getLogger("hybrid.bridge.lifespan")

#: Seconds for an application to return once all has been said; then its task is cancelled.
GRACE = 1.0


class _Phase(enum.Enum):
    """How far the lifespan of an application has come."""

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


class LifespanRun:
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
        await asyncio.wait({self._task}, timeout=GRACE)
        if not self._task.done():
            await asyncio.wait({self.cancel()}, timeout=GRACE)
