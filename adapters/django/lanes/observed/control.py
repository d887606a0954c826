"""What ``hybrid migrate observe`` asks a process of a running server, and what it is told."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hybrid.adapters.django.lanes.budget import judge
from hybrid.adapters.django.lanes.control import Answer, Arguments, LaneControl
from hybrid.adapters.django.lanes.figures import Counts
from hybrid.adapters.django.lanes.observed.loop import LoopWatch
from hybrid.adapters.django.lanes.observed.notes import together
from hybrid.adapters.django.lanes.observed.observing import observing
from hybrid.adapters.django.lanes.observed.seen import SUMS, ObservedFigures, ObservedTally
from hybrid.adapters.django.lanes.running import RunningLanes
from hybrid.bridge.control import Command

#: What is added up over processes, beside the counts of the figures.
_ADDED: Final = (*SUMS, "threads", "uncounted")
_PER_LANE = dict[str, dict[str, Any]]


class ObservedControl(LaneControl):
    """Answers what is asked of the lanes of a project that is observed, and of what is seen (loop).

    Args:
        running: the lanes.
        figures: what is seen of their requests.
        stall: the seconds that a step of the loop may take.

    Attributes:
        hears_signals: whether something is around Django's handlers, so that only its signals tell which
            requests are finished.
    """

    hears_signals = False

    def __init__(self, running: RunningLanes, figures: ObservedFigures, stall: float) -> None:
        super().__init__(running)
        self._lanes = running
        self._figures = figures
        self._watch = LoopWatch(figures.notes, stall)
        self._observes = False
        self._since = running.clock()
        self._before: dict[str, dict[str, Counts]] = {}

    def start(self) -> None:
        """Observe, and look after trials."""
        if not self._observes:
            self._observes = True
            observing().make()
            if self.hears_signals:
                observing().hear()
            self._watch.start()
        super().start()

    async def leave(self) -> None:
        """Take no part in the server any more, and observe no more."""
        await super().leave()
        if self._observes:
            self._observes = False
            await self._watch.end()
            observing().undo()

    def commands(self) -> dict[str, Command]:
        """Return the commands by name."""
        return {
            **super().commands(),
            "observe.show": self.show_seen,
            "observe.snapshot": self.seen_here,
        }

    async def show_seen(self, arguments: Arguments) -> Answer:
        """Return what has been seen in all processes together; with ``reset`` they begin anew after that."""
        answers = await self._lanes.ask("observe.snapshot", {"reset": bool(arguments.get("reset"))})
        now = self._lanes.clock()
        since = min((answer["since"] for answer in answers), default=now)
        budget = self._lanes.budget
        sums = _added([answer["views"] for answer in answers])
        events = together(answer["events"] for answer in answers)
        for event in events:  # of no request, say, or of one that is not over yet
            sums.setdefault(event["view"], {}).setdefault(event["lane"], dict.fromkeys(_ADDED, 0))
        return {
            "since": since,
            "seconds": max(0.0, now - since),
            "processes": len(answers),
            "missing": answers.missing,
            "root": str(Path.cwd()),
            "views": [self._seen_of(name, sums[name]) for name in sorted(sums)],
            "events": events,
            "budget": None if budget is None else budget.to_json(),
        }

    async def seen_here(self, arguments: Arguments) -> Answer:
        """Return what has been seen in this process; with ``reset`` it begins anew after that."""
        now = self._figures.snapshot()
        views: dict[str, _PER_LANE] = {}
        for (view, lane), tally in self._figures.tallies().items():
            assert isinstance(tally, ObservedTally)
            counts = now.get(view, {}).get(lane, Counts()) - self._before.get(view, {}).get(lane, Counts())
            seen = tally.seen.to_json()
            if counts.requests or any(seen.values()):
                views.setdefault(view, {})[lane] = {"counts": counts.to_json(), **seen}
            if arguments.get("reset"):
                tally.reset()
        answer: dict[str, Any] = {"pid": os.getpid(), "since": self._since, "views": views}
        answer["events"] = self._figures.notes.to_json()
        if arguments.get("reset"):
            self._before, self._since = now, self._lanes.clock()
            self._figures.notes.clear()
        return answer

    def _seen_of(self, name: str, lanes: _PER_LANE) -> Answer:
        """Return what is told of a view, with the line that it is defined at where it is a single one."""
        paths = {view.dotted_path for view in self._lanes.project.views.get(name, ())}
        over = None
        if self._lanes.budget is not None:
            wsgi, asgi = (_counts(lanes.get(lane)) for lane in ("wsgi", "asgi"))
            over = judge(self._lanes.budget, asgi, wsgi, "wsgi") if wsgi.requests else None
        return {
            "name": name,
            "path": paths.pop() if len(paths) == 1 else "",
            "lanes": {lane: _told(sums) for lane, sums in sorted(lanes.items(), reverse=True)},
            "over": over,
        }


def _added(all_views: list[Mapping[str, Any]]) -> dict[str, _PER_LANE]:
    """Add up what several processes have seen."""
    sums: dict[str, _PER_LANE] = {}
    for views in all_views:
        for view, lanes in views.items():
            for lane, told in lanes.items():
                so_far = sums.setdefault(view, {}).setdefault(lane, dict.fromkeys(_ADDED, 0))
                for name in _ADDED:
                    so_far[name] += told[name]
                so_far["counts"] = so_far.get("counts", Counts()) + Counts.from_json(told["counts"])
    return sums


def _counts(sums: Mapping[str, Any] | None) -> Counts:
    return Counts() if sums is None else sums.get("counts", Counts())


def _told(sums: Mapping[str, Any]) -> Answer:
    counts = _counts(sums)
    return {
        "calls": counts.requests + sums["uncounted"],
        "failed": counts.errors,
        "p50": counts.p50,
        "p95": counts.p95,
        "p99": counts.p99,
        **{name: sums[name] for name in _ADDED if name != "uncounted"},
    }
