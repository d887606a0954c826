"""A handler from its beginning to its end: on the event loop, or on a thread."""

import asyncio
import functools
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from hybrid.adapters.flask.connection import Connection
from hybrid.adapters.flask.socket import Socket, SocketFacts
from hybrid.adapters.flask.thread_socket import ThreadSocket
from hybrid.adapters.flask.threads import on_a_thread
from hybrid.adapters.flask.visit import FAILURE, FULL, Refusal, Visit
from hybrid.bridge import portal
from hybrid.bridge.errors import ClientDisconnected, PoolFull
from hybrid.bridge.wsgi.socket_threads import SocketThreads

logger = logging.getLogger("hybrid.flask")


class Outcome(NamedTuple):
    """How a handler has ended: with a response in place of a WebSocket, with an error, or well."""

    refusal: Refusal | None = None
    error: BaseException | None = None


T = TypeVar("T")

#: What a handler has returned, and what it has raised.
Answer = tuple[Any, BaseException | None]


class AsyncRun:
    """A handler that is a coroutine function: on the loop, but for Flask's own part, which is on threads."""

    def __init__(self, visit: Visit, connection: Connection) -> None:
        self._visit = visit
        self._connection = connection
        self._socket = Socket(connection, visit)

    async def run(self) -> Outcome:
        """Enter, run the handler, and leave.

        Raises:
            PoolFull: there has been no thread for Flask's part for five seconds.
        """
        refused: Outcome | None = None
        answer: Answer = None, asyncio.CancelledError()  # unless it comes to another end
        outcome = Outcome()
        try:
            refused = await self._in_context(functools.partial(_enter, self._visit))
            if refused is None:
                answer = await self._handle()
        finally:
            if self._visit.entered:
                conclude = functools.partial(_conclude, self._visit, self._socket, answer, refused)
                outcome = await self._in_context(conclude, in_any_case=True)
        return outcome

    async def _handle(self) -> Answer:
        """Run the handler in a task of its own, in the request's context; it is cancelled with this call."""
        return await asyncio.get_running_loop().create_task(self._call(), context=self._visit.context)

    async def _call(self) -> Answer:
        try:
            if self._visit.user_id is not None:
                await self._connection.claim(self._visit.user_id)
            answer = self._visit.view.handler(self._socket, **self._visit.args)
            if hasattr(answer, "__await__"):  # a decorator may have answered in its place
                answer = await answer
            if answer is None:
                await self._socket.accept()
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return None, error  # something that the handler waited for
        except BaseException as error:  # noqa: BLE001 - SystemExit would end the loop with everybody's connections
            return None, error
        return answer, None

    async def _in_context(self, function: Callable[[], T], *, in_any_case: bool = False) -> T:
        """Call a function on a thread, in the request's context, to its end: a cancellation waits for it."""
        call = on_a_thread(functools.partial(self._visit.context.run, function), in_any_case=in_any_case)
        task = asyncio.get_running_loop().create_task(call)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            raise


class ThreadRun:
    """A handler that is a plain function: on one thread from its beginning to its end."""

    def __init__(self, visit: Visit, connection: Connection) -> None:
        self._visit = visit
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._socket = ThreadSocket(connection, visit, self._loop)
        self._done: asyncio.Future[Outcome] = self._loop.create_future()

    async def run(self, threads: SocketThreads) -> Outcome:
        """Run on a thread, and wait for the end (loop).

        Raises:
            PoolFull: there is no thread.
        """
        threads.submit(self._visit.context.run, self._work)
        try:
            return await self._done
        except asyncio.CancelledError:
            self._connection.inbox.finish()  # the thread hears of it with its next message
            raise

    def _work(self) -> None:
        """Enter, run the handler, and leave (worker)."""
        portal.enter(self._loop)
        refused = _enter(self._visit)
        answer = (None, None) if refused else self._call()
        outcome = _conclude(self._visit, self._socket, answer, refused)
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            self._loop.call_soon_threadsafe(self._finish, outcome)

    def _call(self) -> Answer:
        """Run the handler (worker)."""
        try:
            if self._visit.user_id is not None:
                self._socket.claim(self._visit.user_id)
            answer = self._visit.view.handler(self._socket, **self._visit.args)
            if answer is None:
                self._socket.accept()
        except BaseException as error:  # noqa: BLE001 - told to the loop
            return None, error
        return answer, None

    def _finish(self, outcome: Outcome) -> None:
        if not self._done.done():
            self._done.set_result(outcome)


# Worker threads, in the request's context.


def _enter(visit: Visit) -> Outcome | None:
    """Do what is done before a request; return an outcome when that is all there is."""
    try:
        refusal = visit.enter()
    except Exception as error:  # noqa: BLE001 - Flask raises it when it is debugged or tested
        visit.report(error)
        return Outcome(FAILURE, error)
    return None if refusal is None else Outcome(refusal, visit.error)


def _conclude(visit: Visit, socket: SocketFacts, answer: Answer, refused: Outcome | None) -> Outcome:
    """Judge the handler's end, unless it was not called, and do what is done after a request."""
    outcome = refused or _judge(visit, socket, *answer)
    try:
        visit.leave(outcome.error)
    except Exception:
        logger.exception("%s: its contexts could not be left", visit.name)
    return outcome


def _judge(visit: Visit, socket: SocketFacts, answer: Any, error: BaseException | None) -> Outcome:
    if isinstance(error, (ClientDisconnected, asyncio.CancelledError)) or (error is None and answer is None):
        return Outcome()
    if isinstance(error, PoolFull) and not socket.answered:
        return Outcome(FULL)  # there was no thread to accept with
    if socket.answered:
        if error is not None:
            visit.report(error)
        return Outcome(None, error)
    try:
        if error is not None and not isinstance(error, Exception):
            raise error
        refusal = visit.refuse(answer, error)
    except BaseException as failed:  # noqa: BLE001 - as in _enter(), and SystemExit
        visit.report(failed)
        return Outcome(FAILURE, failed)
    return Outcome(refusal, visit.error)
