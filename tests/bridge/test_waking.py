"""Waking a task without cancelling what it does next."""

import asyncio

import pytest

from hybrid.bridge.waking import Waits, its_task
from tests.support.embedded import on_each_loop


async def wait(waits: Waits, event: asyncio.Event) -> str:
    """Wait for an event, and say whether it came."""
    task = its_task()
    cancellations = waits.begin(task)
    try:
        await event.wait()
    except asyncio.CancelledError:
        if not waits.is_woken(task, cancellations):
            raise
        return "woken"
    finally:
        waits.end(task)
    return "came"


@on_each_loop
async def test_waking() -> None:
    """Those that wait are woken, all of them, and can go on to wait for something else."""
    waits, event = Waits(), asyncio.Event()

    async def twice() -> list[str]:
        return [await wait(waits, event), await wait(waits, event)]

    tasks = [asyncio.create_task(twice()) for _ in range(3)]
    await asyncio.sleep(0)
    assert repr(waits) == "<Waits: 3 tasks>"
    waits.wake()
    while repr(waits) != "<Waits: 3 tasks>":
        await asyncio.sleep(0)
    event.set()
    assert await asyncio.gather(*tasks) == [["woken", "came"]] * 3
    assert [task.cancelling() for task in tasks] == [0, 0, 0]
    assert repr(waits) == "<Waits: 0 tasks>"


@on_each_loop
async def test_a_result_that_comes_with_the_wakening() -> None:
    """It may be lost, as with a time-out; nothing stays cancelled."""
    waits, event = Waits(), asyncio.Event()
    task = asyncio.create_task(wait(waits, event))
    await asyncio.sleep(0)
    event.set()
    waits.wake()
    assert await task == "woken"
    assert task.cancelling() == 0


@on_each_loop
async def test_a_timeout_around_it() -> None:
    """Somebody else's cancellation is left to them."""
    waits = Waits()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await wait(waits, asyncio.Event())
    assert repr(waits) == "<Waits: 0 tasks>"
