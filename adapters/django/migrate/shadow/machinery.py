"""Both lanes of a project as the server runs them, with a loop and threads of their own."""

import asyncio
import threading
from collections.abc import Iterable
from concurrent.futures import TimeoutError as NotInTime
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication

from hybrid.adapters.django.lanes.application import DjangoApplication
from hybrid.adapters.django.lanes.request import SCOPE
from hybrid.adapters.django.migrate.shadow.call import Call
from hybrid.adapters.django.migrate.shadow.runs import Run, current
from hybrid.bridge.types import LANE, Scope, ThreadedExchange
from hybrid.bridge.wsgi.adapter import WSGIToASGI
from hybrid.bridge.wsgi.call import Look
from hybrid.bridge.wsgi.threadpool import ThreadPool
from hybrid.server.loops import loop_factory

#: Seconds beyond the limit of a call after which the loop itself is taken for stuck: it ends calls by then.
_LOOP_SECONDS: Final = 4.0
#: Seconds that threads may take to end, and to let go of a request that is answered.
_CLOSE_SECONDS: Final = 1.0
#: The key of a scope: the run that it belongs to.
_RUN: Final = "hybrid.shadow.run"
#: The key of a scope: what the thread calls when it has let go of the request.
_SERVED: Final = "hybrid.shadow.served"


class Machinery:
    """A loop on a thread, and the threads of both lanes, for one call at a time.

    Args:
        application: of the project; it belongs to this.

    Attributes:
        is_stuck: whether a call has not ended, so that another one needs another machinery.
    """

    def __init__(self, application: DjangoApplication) -> None:
        self.is_stuck = False
        self._pool = ThreadPool(name="shadow-wsgi")
        self._pool.at_thread_end.append(application.leave_thread)
        application.surround(_belonging, lambda app: app)
        threaded = _Threaded(application.wsgi, pool=self._pool, multiprocess=False)
        self._lanes = application.lanes(threaded, self._pool.threads, 0)
        self._sticky = application.threads
        self._loop = loop_factory("auto")()
        self._thread = threading.Thread(target=self._turn, name="shadow-loop", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Machinery {'stuck' if self.is_stuck else 'ready'}>"

    def run(self, call: Call, lane: str, scope: Scope, run: Run, limit: float) -> None:
        """Make a call on a lane, for a run, and return when it has ended, or is stuck (any other thread)."""
        if self.is_stuck:
            raise RuntimeError("a call before this one has not ended")
        ended: Any = asyncio.run_coroutine_threadsafe(self._call(call, lane, scope, run, limit), self._loop)
        try:
            self.is_stuck = not ended.result(limit + _LOOP_SECONDS)
        except NotInTime:
            self.is_stuck = call.timed_out = True
            ended.cancel()

    async def _call(self, call: Call, lane: str, scope: Scope, run: Run, limit: float) -> bool:
        served = asyncio.Event()
        scope[_RUN] = run
        scope[_SERVED] = partial(self._loop.call_soon_threadsafe, served.set)
        _, scope = self._lanes.resolve(scope)  # which has found the view, as it does for the server
        scope[LANE] = f"{lane}; shadow"
        application = self._lanes.parts[0 if lane == "wsgi" else 1]
        context = Context()
        context.run(current.enter, run)
        task = asyncio.get_running_loop().create_task(call.run(application, scope, limit), context=context)
        until = self._loop.time() + limit
        ended = await task
        if lane == "wsgi" and ended and not call.timed_out:
            with suppress(TimeoutError):
                await asyncio.wait_for(served.wait(), max(_CLOSE_SECONDS, until - self._loop.time()))
        return ended

    def close(self) -> bool:
        """End loop and threads; return whether all have ended. The others are daemons, and left behind."""
        ended = self._pool.close(0 if self.is_stuck else _CLOSE_SECONDS)
        ended = self._sticky.close(0 if self.is_stuck else _CLOSE_SECONDS) and ended
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(0 if self.is_stuck else _CLOSE_SECONDS)
        return ended and not self._thread.is_alive()

    def _turn(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()


class _Threaded(WSGIToASGI):
    """The WSGI application on its threads; the answer may be complete before the thread has closed it."""

    def _serve_exchange(
        self, exchange: ThreadedExchange, app: WSGIApplication | None = None, look: Look | None = None
    ) -> None:
        """Serve one, and say when all is done (worker)."""
        try:
            super()._serve_exchange(exchange, app, look)
        finally:
            with suppress(RuntimeError):  # the loop has ended
                exchange.scope[_SERVED]()


def _belonging(application: WSGIApplication) -> WSGIApplication:
    """Let the thread of each request belong to its run (worker)."""

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        current.enter(environ[SCOPE][_RUN])
        return application(environ, start_response)

    return app
