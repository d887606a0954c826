"""Timing one request, and the steps of a coroutine."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from hybrid.adapters.django.lanes import timing
from hybrid.adapters.django.lanes.figures import Figures
from hybrid.adapters.django.lanes.timing import BEGUN, LoopAnswer, count, count_failed, counted, timed_steps
from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import ASGIApp, Message, Receive, Scope, Send
from tests.support.exchanges import http_scope


def begun(figures: Figures) -> Scope:
    """Make the scope of a request whose lane was chosen."""
    return http_scope(**{BEGUN: (time.perf_counter(), figures.tally("view", "asgi"), True)})


def noted(figures: Figures) -> tuple[int, int]:
    """Return how many requests there were, and how many have failed."""
    lanes = figures.snapshot().get("view", {})
    return (lanes["asgi"].requests, lanes["asgi"].errors) if lanes else (0, 0)


START: Message = {"type": "http.response.start", "status": 200, "headers": []}
BODY: Message = {"type": "http.response.body", "body": b""}


async def served(application: ASGIApp, received: Message | None = None, *, sends: bool = True) -> Figures:
    """Serve one request as the lane does, and return the figures."""
    figures = Figures()
    scope = begun(figures)

    async def receive() -> Message:
        return received or {"type": "http.request"}

    async def send(message: Message) -> None:
        if not sends:
            raise ClientDisconnected("the client has left")

    try:
        await counted(application)(scope, receive, send)
    except Exception as error:  # noqa: BLE001 - which is counted
        count_failed(scope, error)
    return figures


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer."""
    await receive()
    await send(START)
    await send(BODY)
    await send(BODY)


async def begins(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a head and nothing else."""
    await send(START)


async def returns(scope: Scope, receive: Receive, send: Send) -> None:
    """Send nothing."""
    await receive()


async def fails_at_the_end(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, and fail after that."""
    await answers(scope, receive, send)
    raise ValueError("too late")


async def fails(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail, and find out before whether the client is there."""
    await receive()
    raise ValueError("in time")


@pytest.mark.parametrize(
    ("application", "expected"),
    [(answers, (1, 0)), (begins, (1, 1)), (returns, (1, 1)), (fails_at_the_end, (1, 0)), (fails, (1, 1))],
)
def test_an_answer_is_counted_once(application: ASGIApp, expected: tuple[int, int]) -> None:
    """With its first part; an application that ends before has failed."""
    assert noted(asyncio.run(served(application))) == expected


@pytest.mark.parametrize("application", [returns, fails])
def test_who_has_been_told_that_the_client_left_may_end(application: ASGIApp) -> None:
    """By returning, or with an error."""
    assert noted(asyncio.run(served(application, {"type": "http.disconnect"}))) == (0, 0)


def test_a_head_that_cannot_be_sent_counts_for_nothing() -> None:
    """As the client has left, which send() tells with an OSError (ASGI)."""
    assert noted(asyncio.run(served(answers, sends=False))) == (0, 0)


def test_another_os_error_has_failed() -> None:
    """That of a database that does not answer, for example."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        raise ConnectionRefusedError

    assert noted(asyncio.run(served(application))) == (1, 1)


@pytest.mark.parametrize("by_itself", [True, False], ids=["by itself", "by the server"])
def test_who_is_cancelled_by_the_server_counts_for_nothing(*, by_itself: bool) -> None:
    """As the server ends. Who cancels itself gives no response."""

    async def main() -> tuple[int, int]:
        figures = Figures()
        scope = begun(figures)

        async def call() -> None:
            try:
                if by_itself:
                    raise asyncio.CancelledError
                await asyncio.Event().wait()
            except asyncio.CancelledError as error:
                count_failed(scope, error)
                raise

        task = asyncio.create_task(call())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        return noted(figures)

    assert asyncio.run(main()) == ((1, 1) if by_itself else (0, 0))


def test_a_request_is_counted_by_the_first_who_does() -> None:
    """Others who answer it, or fail, count it no more; nor is one counted that has no lane."""
    figures = Figures()
    scope = begun(figures)
    count(scope, time.perf_counter(), failed=False)
    count(scope, time.perf_counter(), failed=True)
    count(http_scope(), time.perf_counter(), failed=True)
    assert noted(figures) == (1, 0)


def test_messages_before_the_head_are_not_it() -> None:
    """Early hints, for example."""

    async def main() -> tuple[int, int]:
        figures = Figures()
        sent: list[str] = []

        async def receive() -> Message:
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message["type"])

        answer = LoopAnswer(begun(figures), receive, send)
        for message in ({"type": "http.response.early_hint", "links": []}, START):
            await answer.send(message)
            assert noted(figures) == (0, 0)
        await answer.send(BODY)
        assert sent == ["http.response.early_hint", "http.response.start", "http.response.body"]
        return noted(figures)

    assert asyncio.run(main()) == (1, 0)


# Steps.


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(timing, "perf_counter", lambda: self.now)


def stepped(function: Callable[[], Coroutine[Any, Any, Any]]) -> tuple[Any, list[float]]:
    """Run a coroutine in timed steps, and return its result and how long those took that were too long."""

    async def main() -> tuple[Any, list[float]]:
        long: list[float] = []
        result = await timed_steps(function(), 1.0, long.append)
        return result, long

    return asyncio.run(main())


def test_steps_that_hold_the_loop_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first, the last, and those in between; a pause is none, however long it is."""
    clock = Clock(monkeypatch)

    async def work() -> str:
        clock.now += 2
        future = asyncio.get_running_loop().create_future()

        def after_a_while() -> None:
            clock.now += 50
            future.set_result(None)

        asyncio.get_running_loop().call_soon(after_a_while)
        await future
        clock.now += 3
        await asyncio.sleep(0)
        clock.now += 1
        await asyncio.sleep(0)
        clock.now += 4
        return "done"

    assert stepped(work) == ("done", [2.0, 3.0, 4.0])


def test_a_step_that_ends_with_an_error_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error comes out of the steps."""
    clock, long = Clock(monkeypatch), list[float]()

    async def fail() -> None:
        await asyncio.sleep(0)
        clock.now += 2
        raise ValueError("in a step")

    async def main() -> None:
        with pytest.raises(ValueError, match="in a step"):
            await timed_steps(fail(), 1.0, long.append)

    asyncio.run(main())
    assert long == [2.0]


def test_what_is_waited_for_may_fail() -> None:
    """The coroutine gets the error, and may go on."""

    async def work() -> str:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_exception, ValueError("there"))
        try:
            await future
        except ValueError as error:
            await asyncio.sleep(0)
            return str(error)
        return "nothing"

    assert stepped(work)[0] == "there"


async def waits() -> None:
    """Wait for what never comes."""
    await asyncio.Event().wait()


async def goes_on() -> None:
    """Go on at the next turn of the loop."""
    await asyncio.sleep(0)


@pytest.mark.parametrize("pause", [waits, goes_on])
def test_a_cancellation_reaches_the_coroutine(pause: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Whatever it waits for; it may clean up, with pauses, or go on."""
    done: list[str] = []

    async def work() -> str:
        try:
            await pause()
        except asyncio.CancelledError:
            done.append("cancelled")
        await asyncio.sleep(0)
        return "went on"

    async def main() -> str:
        async def call() -> str:
            return await timed_steps(work(), 1.0, print)

        task = asyncio.create_task(call())
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert asyncio.run(main()) == "went on"
    assert done == ["cancelled"]


def test_a_timeout_is_that_of_the_same_task() -> None:
    """Steps change nothing of what asyncio does with the task."""

    async def work() -> str:
        task = asyncio.current_task()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        assert asyncio.current_task() is task
        return "in time"

    assert stepped(work)[0] == "in time"


def test_a_coroutine_that_is_given_up_is_closed() -> None:
    """With the steps around it."""
    done: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            done.append("closed")

    inner = work()  # which somebody may still hold

    async def call() -> None:
        await timed_steps(inner, 1.0, print)

    coroutine = call()
    coroutine.send(None)
    coroutine.close()
    assert done == ["closed"]
