import asyncio
import time

import pytest

from benchmarks.loads.metronome import Metronome


def beats(count: int, stall: float = 0.0) -> list[float]:
    """When `count` calls at a thousand a second were due; the first one holds the loop up for `stall`."""

    async def run() -> list[float]:
        due: list[float] = []
        done = asyncio.Event()

        def action(moment: float) -> None:
            assert moment <= asyncio.get_running_loop().time()
            due.append(moment)
            if len(due) == 1:
                time.sleep(stall)
            if len(due) == count:
                done.set()

        Metronome(1000, action, count).start()
        async with asyncio.timeout(10):
            await done.wait()
        await asyncio.sleep(0.01)  # a call too many would come now
        return due

    return asyncio.run(run())


@pytest.mark.parametrize("stall", [0.0, 0.02], ids=["in time", "late"])
def test_calls_are_due_at_equal_intervals(stall: float) -> None:
    """A client that is late makes up for it: no request is left out, and none is due later for that."""
    due = beats(30, stall)
    assert [moment - due[0] for moment in due] == pytest.approx([number / 1000 for number in range(30)])


def test_a_stopped_metronome_is_silent() -> None:
    """Nothing is sent after the end of a measurement; stopping again does no harm."""

    async def run() -> list[float]:
        due: list[float] = []
        metronome = Metronome(1000, due.append)
        metronome.start()
        metronome.stop()
        metronome.stop()
        await asyncio.sleep(0.01)
        return due

    assert len(asyncio.run(run())) == 1
