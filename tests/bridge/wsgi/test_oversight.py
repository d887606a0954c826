"""How often a pool looks at what takes long, and until when."""

import asyncio

import pytest

from hybrid.bridge.wsgi.oversight import Oversight, Patience


@pytest.mark.parametrize(
    ("patience", "step"),
    [
        (Patience(queue=0, run=0), 0.0),
        (Patience(queue=30, run=0), 1.0),
        (Patience(queue=30, run=4), 0.5),
        (Patience(queue=0.8, run=4), 0.1),
    ],
)
def test_step(patience: Patience, step: float) -> None:
    """A limit is kept to an eighth of it or to a second; without limits there is nothing to look for."""
    assert patience.step == pytest.approx(step)


def test_looks_until_there_is_nothing_to_see() -> None:
    """It looks again and again until it is told to stop, and again when it is started anew."""
    answers = [True, True, False, False]
    times: list[float] = []

    def look(now: float) -> bool:
        times.append(now)
        return answers[len(times) - 1]

    async def main() -> None:
        oversight = Oversight(0.001, look)
        for looks in (3, 4):
            oversight.start()
            oversight.start()  # once is enough
            assert "looking" in repr(oversight)
            while "looking" in repr(oversight):
                await asyncio.sleep(0)
            assert len(times) == looks
        assert times == sorted(times)

    asyncio.run(main())


def test_without_a_step_it_never_looks() -> None:
    """A pool that is patient for ever has no timer."""

    async def main() -> None:
        oversight = Oversight(0.0, lambda _: True)
        oversight.start()
        assert "at rest" in repr(oversight)

    asyncio.run(main())


def test_a_loop_that_is_gone_leaves_it_to_the_next() -> None:
    """A loop that stopped does not keep a later one from looking."""
    looks: list[float] = []

    def look(now: float) -> bool:
        looks.append(now)
        return False

    oversight = Oversight(0.001, look)

    async def leave() -> None:
        oversight.start()

    async def main() -> None:
        oversight.start()
        while not looks:
            await asyncio.sleep(0)

    asyncio.run(leave())
    asyncio.run(main())
    assert len(looks) == 1
