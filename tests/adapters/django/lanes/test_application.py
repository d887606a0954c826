"""The lifespan of a Django project on both lanes."""

import asyncio

import pytest

from hybrid.adapters.django.lanes.application import Life
from hybrid.adapters.django.lanes.budget import Budget
from hybrid.adapters.django.lanes.threads import StickyThreads
from hybrid.bridge.types import Message
from tests.support.http_peer import on_loop
from tests.support.lanes import Clock, Process, project


@on_loop
async def test_trials_are_looked_after_from_the_start_of_a_lifespan_to_its_end() -> None:
    """The end is that of the server, or that somebody cancels it, as another application takes too long to
    start. The program that the server is in may go on, and would have tasks that nobody ends.
    """
    process = Process(0, project(), Budget(), Clock())
    life = Life(StickyThreads(1, list, list), "", process.control)
    for is_cancelled in (False, True):
        messages = asyncio.Queue[Message]()
        sent = asyncio.Queue[Message]()
        messages.put_nowait({"type": "lifespan.startup"})
        running = asyncio.create_task(life({"type": "lifespan"}, messages.get, sent.put))
        assert await sent.get() == {"type": "lifespan.startup.complete"}
        assert not process.running.idle
        if is_cancelled:
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        else:
            messages.put_nowait({"type": "lifespan.shutdown"})
            await running
        assert process.running.idle
