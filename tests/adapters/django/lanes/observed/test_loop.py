"""How long a stall of the loop is said to have taken, on a clock that only the watching thread moves."""

import sys
from types import FrameType

import pytest

from hybrid.adapters.django.lanes.observed import loop
from hybrid.adapters.django.lanes.observed.loop import LoopWatch
from hybrid.adapters.django.lanes.observed.notes import Notes
from tests.support.needs import require_module

require_module("django")

_STALL = 0.1
_PAUSE = _STALL / 4
_END = 2.0


class Clock:
    """The time, and what the watching thread waits on; it ends that thread after a while."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def wait(self, seconds: float) -> bool:
        """Let time pass."""
        self.now += seconds
        return self.now > _END


class Life:
    """A loop that is idle but for one step, and answers as such a loop does."""

    def __init__(self, clock: Clock, begin: float, seconds: float) -> None:
        self._clock = clock
        self._begin, self._end = begin, begin + seconds
        self._frame = sys._getframe()
        self.asked_at = 0.0
        self.step: FrameType | None = None

    @property
    def answered_at(self) -> float:
        """When it answers: at once, or after the step."""
        return self._end if self._begin <= self.asked_at < self._end else self.asked_at

    @property
    def has_answered(self) -> bool:
        """Whether it has."""
        return self.answered_at <= self._clock.now

    def asked(self) -> bool:
        """Ask, unless there is no answer yet."""
        if self.has_answered:
            self.asked_at = self._clock.now
            self.step = next(iter(self.frames()), None)
        return True

    def frames(self) -> list[FrameType]:
        """Return the frame of the step."""
        return [self._frame] if self._begin <= self._clock.now < self._end else []

    def cpu(self) -> float:
        """It only waits."""
        return 0.0


@pytest.mark.parametrize("phase", [0.05, 0.35, 0.65, 0.95])
@pytest.mark.parametrize("seconds", [0.12, 0.3])
def test_the_length_of_a_stall(monkeypatch: pytest.MonkeyPatch, seconds: float, phase: float) -> None:
    """It is right within an eighth of what a step may take, whenever between two looks it has begun."""
    clock, notes = Clock(), Notes()
    monkeypatch.setattr(loop, "perf_counter", clock)
    watch = LoopWatch(notes, _STALL)
    monkeypatch.setattr(watch, "_ended", clock)
    watch._watch(Life(clock, (8 + phase) * _PAUSE, seconds))  # type: ignore[arg-type]
    (told,) = notes.to_json()
    assert told["count"] == 1
    assert told["longest"] == pytest.approx(seconds, abs=_STALL / 8)


def test_a_short_step_is_no_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is over in less than what it may take is not put down."""
    clock, notes = Clock(), Notes()
    monkeypatch.setattr(loop, "perf_counter", clock)
    watch = LoopWatch(notes, _STALL)
    monkeypatch.setattr(watch, "_ended", clock)
    watch._watch(Life(clock, 8.5 * _PAUSE, 0.08))  # type: ignore[arg-type]
    assert notes.to_json() == []
