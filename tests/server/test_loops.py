"""The event loop: which one it is, and that leaving it takes a bounded time."""

import asyncio
import sys
import threading
from collections.abc import AsyncGenerator, Callable

import pytest
import uvloop

from hybrid.bridge.errors import ConfigError
from hybrid.server.loops import cancel_tasks, complete, loop_factory, run_loop
from tests.support.embedded import DEADLINE, on_each_loop

Factory = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=["asyncio", "uvloop"])
def factory(request: pytest.FixtureRequest) -> Factory:
    """Give what makes each kind of loop."""
    return loop_factory(request.param)


@pytest.mark.parametrize(
    ("name", "kind"), [("auto", uvloop.Loop), ("uvloop", uvloop.Loop), ("asyncio", asyncio.SelectorEventLoop)]
)
def test_loop_factory(name: str, kind: type) -> None:
    """Each name makes its loop, and `auto` is uvloop where it is installed."""
    loop = loop_factory(name)()  # type: ignore[arg-type]
    assert isinstance(loop, kind)
    loop.close()


def test_auto_without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where uvloop is not installed, `auto` is asyncio's loop."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert loop_factory("auto") is asyncio.new_event_loop


def test_uvloop_without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where uvloop is not installed, asking for it is a mistake that is named."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with pytest.raises(ConfigError, match="loop: uvloop is not installed"):
        loop_factory("uvloop")


def test_run_loop_ends_what_is_left(factory: Factory) -> None:
    """Tasks that are left are cancelled, and asynchronous generators closed, before the loop is."""
    ended: list[str] = []

    async def generate() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            ended.append("generator")

    async def background() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("task")

    generator = generate()

    async def main() -> None:
        tasks.append(asyncio.create_task(background()))
        await anext(generator)

    tasks: list[asyncio.Task[None]] = []
    run_loop(factory, main())
    assert ended == ["task", "generator"]
    assert tasks[0].cancelled()
    assert tasks[0].get_loop().is_closed()


def test_run_loop_does_not_wait_for_a_thread(factory: Factory) -> None:
    """A task that resists cancellation because a thread is at work does not keep the loop for ever."""
    released = threading.Event()
    entered = threading.Event()

    def work() -> None:
        entered.set()
        released.wait(DEADLINE)

    async def resist() -> None:
        work_done = asyncio.get_running_loop().run_in_executor(None, work)
        while not work_done.done():
            try:
                await asyncio.shield(work_done)
            except asyncio.CancelledError:
                continue

    async def main() -> None:
        tasks.append(asyncio.create_task(resist()))
        await asyncio.to_thread(entered.wait, DEADLINE)

    tasks: list[asyncio.Task[None]] = []
    try:
        run_loop(factory, main())
        assert not tasks[0].done()
    finally:
        released.set()
        tasks[0].set_name("left behind")
        tasks[0]._log_destroy_pending = False  # type: ignore[attr-defined]  # it is: that is the test


def test_run_loop_raises_what_the_coroutine_raises(factory: Factory) -> None:
    """An error of the coroutine comes out, after the loop has been closed."""

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        raise LookupError("x")

    loops: list[asyncio.AbstractEventLoop] = []
    with pytest.raises(LookupError, match="x"):
        run_loop(factory, main())
    assert loops[0].is_closed()


def test_run_loop_without_a_loop() -> None:
    """When no loop can be made the coroutine is not left unawaited, which would be a warning."""

    def fail() -> asyncio.AbstractEventLoop:
        raise OSError("no descriptors")

    async def main() -> None:
        """Never run."""

    with pytest.raises(OSError, match="no descriptors"):
        run_loop(fail, main())


@on_each_loop
async def test_cancel_tasks() -> None:
    """Cancelled tasks may clean up; what they raise then is not reported, and ended ones are left alone."""
    problems: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))

    async def fail() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise LookupError("while cleaning up")

    async def end() -> None:
        """Return."""

    tasks = [asyncio.create_task(fail()), asyncio.create_task(end())]
    await asyncio.sleep(0)
    await cancel_tasks(tasks, DEADLINE)
    assert [task.done() for task in tasks] == [True, True]
    assert not tasks[1].cancelled()
    del tasks
    assert not problems


@on_each_loop
async def test_cancel_tasks_gives_up() -> None:
    """A task that resists is left alone after the time given."""
    over = asyncio.Event()

    async def resist() -> None:
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    task = asyncio.create_task(resist())
    await asyncio.sleep(0)
    await cancel_tasks([task], 0.01)
    assert not task.done()
    over.set()
    await task


@on_each_loop
async def test_complete() -> None:
    """Work that ends by itself is awaited, and what it raises is raised."""

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("on purpose")

    assert await complete(asyncio.sleep(0), lambda: False, DEADLINE)
    with pytest.raises(ValueError, match="on purpose"):
        await complete(fail(), lambda: False, DEADLINE)


@on_each_loop
async def test_complete_is_told_to_give_up() -> None:
    """Work that would never end is cancelled, and has time to clean up."""
    seen: list[str] = []

    async def wait() -> None:
        seen.append("started")
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            seen.append("cleaned up")

    assert not await complete(wait(), lambda: bool(seen), DEADLINE)
    assert seen == ["started", "cleaned up"]
