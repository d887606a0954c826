"""The portal: what a worker thread can have done on the event loop, and what happens when it cannot."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest
import uvloop
from asgiref.local import Local
from asgiref.sync import async_to_sync, sync_to_async

import hybrid.bridge.portal as portal_module
from hybrid.bridge import HybridError, portal
from hybrid.bridge.errors import PortalError
from hybrid.bridge.wsgi.threadpool import ThreadPool

DEADLINE = 20.0

VARIABLE: ContextVar[str] = ContextVar("variable", default="unset")


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """Give an event loop of each kind, which is closed with the test."""
    loop = request.param()
    yield loop
    loop.close()


def on_worker(loop: asyncio.AbstractEventLoop, function: Callable[[], Any]) -> Any:
    """Run a function on a worker of a pool, as a view, and return what it returns."""
    pool = ThreadPool(2)

    async def main() -> Any:
        async with asyncio.timeout(DEADLINE):
            return await submit(pool, function)

    try:
        return loop.run_until_complete(main())
    finally:
        assert pool.close(DEADLINE)


def submit(pool: ThreadPool, function: Callable[[], Any]) -> "asyncio.Future[Any]":
    """Give the pool a job, and return a future of its result."""
    future: Future[Any] = Future()

    def job(future: Future[Any]) -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - the future raises it
            future.set_exception(error)

    pool.submit(job, future)
    return asyncio.wrap_future(future)


def on_thread(function: Callable[[], Any]) -> Any:
    """Run a function on a thread of nobody's, and return what it returns."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - the future raises it
            future.set_exception(error)

    thread = threading.Thread(target=run, name="a thread of its own")
    thread.start()
    thread.join(DEADLINE)
    return future.result(0)


async def running_loop() -> asyncio.AbstractEventLoop:
    """Tell which loop this runs on."""
    return asyncio.get_running_loop()


async def fail_with(error: BaseException) -> None:
    """Raise an error."""
    await asyncio.sleep(0)
    raise error


class TestRun:
    """A coroutine on the loop, a thread that waits for it."""

    def test_result(self, loop: asyncio.AbstractEventLoop) -> None:
        """The function is called with its arguments, on the loop that the pool is fed from."""

        async def add(one: int, two: int) -> tuple[int, asyncio.AbstractEventLoop, int]:
            await asyncio.sleep(0)
            return one + two, asyncio.get_running_loop(), threading.get_ident()

        result = on_worker(loop, lambda: portal.run(add, 1, 2))
        assert result == (3, loop, threading.get_ident())

    def test_keyword(self, loop: asyncio.AbstractEventLoop) -> None:
        """A partial passes keywords, and anything that returns an awaitable is good enough."""

        async def give(*, value: str) -> str:
            return value

        assert on_worker(loop, lambda: portal.run(partial(give, value="x"))) == "x"

    @pytest.mark.parametrize(
        "error", [ValueError("wrong"), SystemExit(3), KeyboardInterrupt(), TimeoutError("its own")]
    )
    def test_error(self, loop: asyncio.AbstractEventLoop, error: BaseException) -> None:
        """What the coroutine raises is raised on the thread, and does not reach the loop."""

        def view() -> str:
            with pytest.raises(type(error)) as caught:
                portal.run(fail_with, error)
            assert caught.value is error
            return "the loop goes on"

        assert on_worker(loop, view) == "the loop goes on"

    def test_no_awaitable(self, loop: asyncio.AbstractEventLoop) -> None:
        """A plain function is an error of the caller's."""
        plain: Any = len
        with pytest.raises(TypeError, match="await"):
            on_worker(loop, lambda: portal.run(plain, "text"))

    def test_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """`loop` gives a worker the server's loop, and a coroutine its own."""
        assert on_worker(loop, portal.loop) is loop

        async def inside() -> asyncio.AbstractEventLoop:
            return portal.loop()

        assert loop.run_until_complete(inside()) is loop

    def test_two_at_once(self, loop: asyncio.AbstractEventLoop) -> None:
        """Two workers can each have a coroutine on the loop, and the coroutines can meet."""
        pool = ThreadPool(2)

        async def main() -> None:
            barrier = asyncio.Barrier(2)
            calls = [submit(pool, lambda: portal.run(barrier.wait)) for _ in range(2)]
            async with asyncio.timeout(DEADLINE):
                assert sorted(await asyncio.gather(*calls)) == [0, 1]

        loop.run_until_complete(main())
        assert pool.close(DEADLINE)

    def test_several_loops(self) -> None:
        """A worker that has served one loop serves another one as well: each job belongs to its own."""
        pool = ThreadPool(1)

        async def main() -> None:
            assert await submit(pool, lambda: portal.run(running_loop)) is asyncio.get_running_loop()

        asyncio.run(main())
        uvloop.run(main())
        on_thread(lambda: asyncio.run(main()))
        assert pool.close(DEADLINE)

    def test_two_loops_at_once(self) -> None:
        """Loops of two threads that feed one pool are told apart, job by job."""
        pool = ThreadPool(2)
        together = threading.Barrier(2)

        async def main() -> None:
            for _ in range(50):
                together.wait(DEADLINE)
                assert await submit(pool, portal.loop) is asyncio.get_running_loop()

        other: Future[None] = Future()
        thread = threading.Thread(target=lambda: other.set_result(asyncio.run(main())))
        thread.start()
        asyncio.run(main())
        thread.join(DEADLINE)
        assert other.done()
        assert pool.close(DEADLINE)


class TestContext:
    """Context variables, as if the coroutine had been awaited in place."""

    def test_both_ways(self, loop: asyncio.AbstractEventLoop) -> None:
        """The coroutine sees what the thread has set, and the other way round."""

        async def change() -> str:
            seen = VARIABLE.get()
            VARIABLE.set("of the coroutine")
            return seen

        def view() -> tuple[str, str]:
            VARIABLE.set("of the view")
            return portal.run(change), VARIABLE.get()

        assert on_worker(loop, view) == ("of the view", "of the coroutine")

    def test_after_an_error(self, loop: asyncio.AbstractEventLoop) -> None:
        """What the coroutine had set before it failed stays set."""

        async def change() -> None:
            VARIABLE.set("before the error")
            raise ValueError("too late")

        def view() -> str:
            with pytest.raises(ValueError, match="too late"):
                portal.run(change)
            return VARIABLE.get()

        assert on_worker(loop, view) == "before the error"

    def test_nothing_leaks_into_the_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop's own context is not touched."""

        async def change() -> None:
            VARIABLE.set("of the coroutine")

        on_worker(loop, lambda: portal.run(change))
        assert VARIABLE.get() == "unset"

    def test_asgiref_locals_stay(self, loop: asyncio.AbstractEventLoop) -> None:
        """What the thread keeps in asgiref's Local is not lost to what the coroutine keeps in it."""
        local = Local()

        async def change() -> None:
            local.other = "of the coroutine"

        def view() -> str:
            local.kept = "of the view"
            portal.run(change)
            return str(local.kept)

        assert on_worker(loop, view) == "of the view"


class TestRefusals:
    """Where a thread has no business on the loop."""

    def test_unknown_thread(self) -> None:
        """A thread that nobody has introduced is told so."""

        def call() -> None:
            with pytest.raises(PortalError, match="no event loop is known to thread 'a thread of its own'"):
                portal.run(running_loop)
            with pytest.raises(PortalError, match="no event loop is known"):
                portal.loop()

        on_thread(call)

    def test_kind(self) -> None:
        """The error is one of ours, and a RuntimeError."""
        assert issubclass(PortalError, HybridError)
        assert issubclass(PortalError, RuntimeError)

    @pytest.mark.parametrize("own", [False, True])
    def test_loop_thread(self, loop: asyncio.AbstractEventLoop, own: bool) -> None:
        """On the thread of a loop, the server's or one of the view's own, it would wait for itself."""

        async def call() -> None:
            with pytest.raises(PortalError, match="would wait for itself: await"):
                portal.run(running_loop)

        if own:
            on_worker(loop, lambda: asyncio.run(call()))
        else:
            loop.run_until_complete(call())

    def test_a_thread_of_the_application(self, loop: asyncio.AbstractEventLoop) -> None:
        """A thread that the view starts can be introduced by it, and dismissed again."""

        def view() -> None:
            target = portal.loop()

            def call() -> object:
                portal.enter(target)
                found = portal.run(running_loop)
                portal.enter(None)
                with pytest.raises(PortalError, match="no event loop is known"):
                    portal.loop()
                return found

            assert on_thread(call) is target

        on_worker(loop, view)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_forked_process(self) -> None:
        """A process that a worker forks has no loop, though it has a copy of the note: it does not hang."""
        code = """if True:
            import asyncio, os
            from hybrid.bridge import portal
            from hybrid.bridge.errors import PortalError

            async def nothing():
                pass

            def view():
                portal.enter(loop)
                if child := os.fork():
                    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                try:
                    portal.run(nothing)
                except PortalError:
                    os._exit(7)

            loop = asyncio.new_event_loop()
            print(loop.run_until_complete(loop.run_in_executor(None, view)))
            """
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout == "7\n"


class TestEnd:
    """A thread never waits for what will not come."""

    def test_timeout(self, loop: asyncio.AbstractEventLoop) -> None:
        """After the time-out the thread goes on, and the coroutine is cancelled."""
        cancelled = threading.Event()

        async def endless() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        def view() -> bool:
            with pytest.raises(TimeoutError, match=r"within 0\.5 seconds"):
                portal.run(endless, timeout=0.5)  # by then it has begun
            return cancelled.wait(DEADLINE)

        assert on_worker(loop, view)

    def test_in_time(self, loop: asyncio.AbstractEventLoop) -> None:
        """A time-out that is not reached changes nothing."""
        assert on_worker(loop, lambda: portal.run(running_loop, timeout=DEADLINE)) is loop

    def waiting_on(
        self, loop: asyncio.AbstractEventLoop, function: Callable[[], Awaitable[object]]
    ) -> "tuple[threading.Thread, Future[None]]":
        """Start a thread that waits for a coroutine, and give it and a future of how that goes."""
        outcome: Future[None] = Future()

        def wait() -> None:
            portal.enter(loop)
            try:
                portal.run(function)
            except BaseException as error:  # noqa: BLE001 - the future raises it
                outcome.set_exception(error)
            else:
                outcome.set_result(None)

        thread = threading.Thread(target=wait)
        thread.start()
        return thread, outcome

    def test_cancelled(self, loop: asyncio.AbstractEventLoop) -> None:
        """A server that stops cancels what is left; the thread gets an error that it can catch."""

        async def main() -> None:
            begun = asyncio.Event()

            async def endless() -> None:
                begun.set()
                await asyncio.Event().wait()

            thread, outcome = self.waiting_on(loop, endless)
            await begun.wait()
            (task,) = asyncio.all_tasks() - {asyncio.current_task()}
            task.cancel()
            with pytest.raises(PortalError, match="cancelled"):
                await asyncio.wrap_future(outcome)
            thread.join(DEADLINE)

        loop.run_until_complete(main())

    def test_cancelled_before_its_first_step(self, loop: asyncio.AbstractEventLoop) -> None:
        """The same when the server stops in the moment in which the coroutine would have begun."""
        entered = threading.Event()
        real_enter = portal_module._Crossing.start

        def start(crossing: "portal_module._Crossing[Any]") -> None:
            real_enter(crossing)
            assert crossing._task is not None
            crossing._task.cancel()
            entered.set()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(portal_module._Crossing, "start", start)
            with pytest.raises(PortalError, match="cancelled"):
                on_worker(loop, lambda: portal.run(running_loop))
        assert entered.is_set()

    @pytest.mark.parametrize("close", [True, False])
    def test_loop_that_stops(
        self, loop: asyncio.AbstractEventLoop, close: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A loop that ends without cancelling anything leaves no thread behind, closed or only stopped."""
        monkeypatch.setattr(portal_module, "_LOOK_SECONDS", 0.01)
        begun: Future[None] = Future()
        never: Future[None] = Future()

        async def endless() -> None:
            begun.set_result(None)
            loop.stop()
            await asyncio.wrap_future(never)

        thread, outcome = self.waiting_on(loop, endless)
        loop.run_forever()
        if close:
            tasks = asyncio.all_tasks(loop)
            loop.close()
        with pytest.raises(PortalError, match="the event loop has ended"):
            outcome.result(DEADLINE)
        thread.join(DEADLINE)
        if close:
            for task in tasks:
                task.get_coro().close()
                task._log_destroy_pending = False  # type: ignore[attr-defined]
        else:
            never.cancel()
            loop.run_until_complete(asyncio.wait(asyncio.all_tasks(loop)))

    def test_closed_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """A loop that had ended before is an error at once."""
        loop.close()
        thread, outcome = self.waiting_on(loop, running_loop)
        with pytest.raises(PortalError, match="the event loop has ended"):
            outcome.result(DEADLINE)
        thread.join(DEADLINE)


class TestAsgiref:
    """`async_to_sync` in a view: the server's own loop, and the worker's own thread."""

    def test_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """The coroutine runs on the loop that the pool is fed from."""
        assert on_worker(loop, async_to_sync(running_loop)) is loop

    def test_thread_sensitive(self, loop: asyncio.AbstractEventLoop) -> None:
        """What the coroutine gives back to a thread runs on the worker that waits for it."""

        async def back() -> int:
            return await sync_to_async(threading.get_ident, thread_sensitive=True)()

        def view() -> bool:
            return async_to_sync(back)() == threading.get_ident() != threading.main_thread().ident

        assert on_worker(loop, view)

    def test_nested(self, loop: asyncio.AbstractEventLoop) -> None:
        """Down to the thread, up to the loop and down again, also through the portal."""

        async def outer(view: Callable[[], object]) -> object:
            return await sync_to_async(view)()

        def inner_view() -> tuple[object, object]:
            return async_to_sync(running_loop)(), portal.run(running_loop)

        assert on_worker(loop, lambda: async_to_sync(outer)(inner_view)) == (loop, loop)

    def test_two_workers_at_once(self, loop: asyncio.AbstractEventLoop) -> None:
        """Each coroutine comes back to its own worker, though both wait at the same time."""
        pool = ThreadPool(2)
        met = threading.Barrier(2)

        async def back() -> int:
            await sync_to_async(met.wait, thread_sensitive=True)(DEADLINE)
            return await sync_to_async(threading.get_ident)()

        def view() -> tuple[bool, int]:
            return async_to_sync(back)() == threading.get_ident(), threading.get_ident()

        async def main() -> None:
            async with asyncio.timeout(DEADLINE):
                (one_own, one), (two_own, two) = await asyncio.gather(submit(pool, view), submit(pool, view))
            assert one_own
            assert two_own
            assert one != two

        loop.run_until_complete(main())
        assert pool.close(DEADLINE)

    def test_error_and_context(self, loop: asyncio.AbstractEventLoop) -> None:
        """Errors and context variables cross."""

        async def change() -> None:
            assert VARIABLE.get() == "of the view"
            VARIABLE.set("of the coroutine")
            raise LookupError("in the coroutine")

        def view() -> str:
            VARIABLE.set("of the view")
            with pytest.raises(LookupError, match="in the coroutine"):
                async_to_sync(change)()
            return VARIABLE.get()

        assert on_worker(loop, view) == "of the coroutine"

    def test_cancelled(self, loop: asyncio.AbstractEventLoop) -> None:
        """A server that stops cancels the coroutine, and frees the worker."""
        pool = ThreadPool(1)

        async def main() -> None:
            begun = asyncio.Event()

            async def endless() -> None:
                begun.set()
                await asyncio.Event().wait()

            waiting = submit(pool, async_to_sync(endless))
            await begun.wait()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

        loop.run_until_complete(main())
        assert pool.close(DEADLINE)

    def test_after_a_loop_of_its_own(self, loop: asyncio.AbstractEventLoop) -> None:
        """A loop that a view has asked asgiref for is left again: the next view is back on the server's."""
        pool = ThreadPool(1)

        async def back() -> object:
            await sync_to_async(int)()  # on the worker, which so gets to know of the other loop
            return asyncio.get_running_loop()

        async def main() -> None:
            other = await submit(pool, async_to_sync(back, force_new_loop=True))
            assert other is not loop
            assert await submit(pool, async_to_sync(running_loop)) is loop
            assert await submit(pool, portal.loop) is loop

        loop.run_until_complete(main())
        assert pool.close(DEADLINE)

    def test_threads_of_asgiref(self, loop: asyncio.AbstractEventLoop) -> None:
        """The portal serves these as well: under ASGI they are where Django's synchronous views run."""
        call: Coroutine[Any, Any, object] = sync_to_async(lambda: portal.run(running_loop))()
        assert loop.run_until_complete(call) is loop


def test_the_bridge_is_light() -> None:
    """The bridge and a pool load neither the portal nor asgiref; a worker does."""
    code = (
        "import sys, hybrid.bridge\n"
        "from hybrid.bridge import WSGIToASGI, Gateway\n"
        "WSGIToASGI(print)\n"
        "print('asgiref.sync' in sys.modules, 'hybrid.bridge.portal' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "False False\n"
