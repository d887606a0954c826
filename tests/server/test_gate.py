"""The gate before the applications: who is let in, when, and in which order."""

import asyncio
import contextvars
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.server.config import Config
from hybrid.server.gate import Gate
from tests.support.embedded import until
from tests.support.http_peer import on_loop


class Visit:
    """A request at the gate that notes what it is told; it may leave as soon as it is let in."""

    def __init__(self, gate: Gate, log: list["Visit"], *, brief: bool = False) -> None:
        self.reason = ""
        self._gate = gate
        self._log = log
        self._brief = brief

    def admitted(self) -> None:
        """Note it."""
        self._log.append(self)
        if self._brief:
            self._gate.leave(self)

    def turned_away(self, reason: str) -> None:
        """Note it."""
        assert reason
        self.reason = reason


def enter(gate: Gate, log: list[Visit], count: int = 1, *, brief: bool = False) -> list[Visit]:
    """Send requests to the gate."""
    visits = [Visit(gate, log, brief=brief) for _ in range(count)]
    for visit in visits:
        gate.enter(visit)
    return visits


def make(limit: int, queue: int = 1000, patience: float = 0) -> Gate:
    """Make a gate in the running loop."""
    return Gate(asyncio.get_running_loop(), limit, queue, patience)


@on_loop
async def test_order() -> None:
    """So many are let in, and then one for each that leaves, in the order in which they came."""
    gate, log = make(2), list[Visit]()
    visits = enter(gate, log, 5)
    assert log == visits[:2]
    assert repr(gate) == "<Gate 2 of 2 inside, 3 waiting>"
    gate.leave(visits[1])
    gate.leave(visits[1])
    assert log == visits[:3]
    gate.leave(visits[2])
    gate.leave(visits[0])
    assert log == visits
    assert (gate.inside, gate.waiting) == (2, 0)


@on_loop
async def test_queue_is_bounded() -> None:
    """Who finds the queue full is turned away, and the queue takes others once there is room."""
    gate, log = make(1, queue=2), list[Visit]()
    inside, *waiting, late = enter(gate, log, 4)
    assert late.reason == "limit_concurrency: 1 are being answered, 2 wait"
    assert not any(visit.reason for visit in (inside, *waiting))
    gate.leave(inside)
    assert not enter(gate, log)[0].reason
    assert not gate.is_waiting(late)


@on_loop
async def test_no_queue() -> None:
    """Without a queue whoever finds no room is turned away at once."""
    gate, log = make(1, queue=0), list[Visit]()
    first, second = enter(gate, log, 2)
    assert (log, bool(second.reason)) == ([first], True)


@on_loop
async def test_leaving_the_queue() -> None:
    """Who leaves the queue is never let in, makes room for others, and takes no place."""
    gate, log = make(1, queue=2), list[Visit]()
    inside, leaves, stays = enter(gate, log, 3)
    assert gate.leave(leaves)
    (last,) = enter(gate, log)
    assert gate.is_waiting(last)
    assert not gate.leave(inside)
    assert log == [inside, stays]
    assert not gate.leave(stays)
    assert log == [inside, stays, last]


@on_loop
async def test_many_brief_visits() -> None:
    """Thousands that leave as soon as they are let in are no recursion."""
    gate, log = make(1, queue=5000), list[Visit]()
    (first,) = enter(gate, log)
    enter(gate, log, 5000, brief=True)
    gate.leave(first)
    assert len(log) == 5001
    assert (gate.inside, gate.waiting) == (0, 0)


@on_loop
async def test_newcomer_meanwhile() -> None:
    """A newcomer does not overtake who waits, even in the moment in which a place becomes free."""
    gate, log = make(1), list[Visit]()

    class Replaced(Visit):
        def admitted(self) -> None:
            gate.leave(self)
            gate.enter(newcomer)

    first, replaced, waiting, newcomer = (
        Visit(gate, log),
        Replaced(gate, log),
        Visit(gate, log),
        Visit(gate, log),
    )
    for visit in (first, replaced, waiting):
        gate.enter(visit)
    gate.leave(first)
    gate.leave(waiting)
    assert log == [first, waiting, newcomer]


@on_loop
async def test_patience() -> None:
    """Who has waited too long is turned away, in order; who came later, later."""
    gate, log = make(1, patience=0.05), list[Visit]()
    begun = asyncio.get_running_loop().time()
    inside, first, second = enter(gate, log, 3)
    await until(lambda: first.reason)
    assert asyncio.get_running_loop().time() - begun >= 0.04
    (third,) = enter(gate, log)
    await until(lambda: second.reason and third.reason)
    assert log == [inside]
    assert (gate.inside, gate.waiting) == (1, 0)


@on_loop
async def test_no_timer_is_left() -> None:
    """An empty queue keeps nothing in the loop."""
    gate, log = make(1, patience=1000), list[Visit]()
    first, second = enter(gate, log, 2)
    gate.leave(first)
    gate.leave(second)
    assert gate._timer is None


@on_loop
async def test_contextvars() -> None:
    """Who is let in because another one has left does not inherit the other's contextvars."""
    seen: list[str | None] = []
    variable = contextvars.ContextVar[str | None]("variable", default=None)

    class Looks(Visit):
        def admitted(self) -> None:
            seen.append(variable.get())

    gate = make(1)
    first, second = Looks(gate, []), Looks(gate, [])
    gate.enter(first)
    gate.enter(second)
    variable.set("the first one's")
    gate.leave(first)
    assert seen == [None, None]


STEPS = st.lists(st.tuples(st.sampled_from(["enter", "brief", "leave"]), st.integers(0, 20)), max_size=60)


@given(limit=st.integers(1, 4), queue=st.integers(0, 5), steps=STEPS)
def test_invariants(limit: int, queue: int, steps: Iterable[tuple[str, int]]) -> None:
    """Whatever happens: never more inside than allowed, nobody waits while there is room, no overtaking."""

    @on_loop
    async def run() -> None:
        gate, log, everybody = make(limit, queue), list[Visit](), list[Visit]()
        for step, which in steps:
            if step != "leave":
                everybody += enter(gate, log, brief=step == "brief")
            elif everybody:
                gate.leave(everybody[which % len(everybody)])
            assert gate.inside <= limit
            assert gate.waiting <= queue
            assert gate.inside == limit or not gate.waiting
            assert log == [visit for visit in everybody if visit in log]

    run()


@pytest.mark.parametrize("limit", [0, 3])
@on_loop
async def test_settings(limit: int) -> None:
    """There is a gate only if a setting asks for it."""
    gate = Gate.of(Config(app="app", limit_concurrency=limit), asyncio.get_running_loop())
    assert repr(gate) == (f"<Gate 0 of {limit} inside, 0 waiting>" if limit else "None")
