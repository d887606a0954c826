"""The commands of ``hybrid lanes``, as a process of a running server answers them."""

import asyncio
import os
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from hybrid.adapters.django.lanes.change import Change
from hybrid.adapters.django.lanes.changes import Decide, rolling_back, setting, share
from hybrid.adapters.django.lanes.choice import DjangoLanes
from hybrid.adapters.django.lanes.figures import Counts
from hybrid.adapters.django.lanes.journal import NAME, Journal
from hybrid.adapters.django.lanes.rules import LANES, Rule
from hybrid.adapters.django.lanes.running import RunningLanes
from hybrid.adapters.django.lanes.state import Wish
from hybrid.adapters.django.lanes.trials import Trial
from hybrid.adapters.django.lanes.windows import Found, from_json, to_json, total
from hybrid.bridge.control import Answers, Command, ControlError, Fleet

Arguments = Mapping[str, Any]
Answer = Mapping[str, Any]

#: What is told of a change; the rest is of use to this project alone.
_TOLD: Final = ("number", "time", "view", "before", "after", "by", "reason", "undoes")
#: The modules of what else can be asked of a process, which are imported with the first such command, or at
#: the start where the configuration wants it.
_RECORDING: Final = "hybrid.adapters.django.migrate.shadow.served.recording"
_LIVE: Final = "hybrid.adapters.django.migrate.shadow.served.live"
#: Characters of a name, of who wants something, and of why.
_LONGEST: Final = {"view": 200, "by": 100, "reason": 500}


class Alone:
    """A process that sees no others, as a :class:`~hybrid.bridge.control.Fleet`."""

    leads = True

    def __init__(self, commands: Mapping[str, Command]) -> None:
        self.directory = Path()
        self._commands = commands

    def __repr__(self) -> str:
        return "<Alone>"

    async def ask(self, command: str, arguments: Arguments) -> Answers:
        """Do what a command says."""
        return Answers([await self._commands[command](arguments)])


class LaneControl:
    """Answers what is asked of the lanes of a project, and does what is told (loop).

    Any process of a server can be asked: it asks the others.

    Attributes:
        shadow: how many of a hundred requests are tried again on both lanes.
    """

    def __init__(self, running: RunningLanes, shadow: float = 0.0) -> None:
        self._running = running
        self.shadow = shadow

    def __repr__(self) -> str:
        return f"<LaneControl of {self._running!r}>"

    async def join(self, fleet: Fleet) -> None:
        """Take part in a server, with the journal that all its processes share."""
        self._running.begin(fleet, Journal(fleet.directory / NAME))

    async def leave(self) -> None:
        """Take no part in it any more."""
        await self._running.end()

    def attach(self, lanes: "ControlledLanes") -> None:
        """Have requests go where it was told."""
        lanes.control = self
        self._running.attach(lanes)

    def start(self) -> None:
        """Look after trials also where there are no other processes to be seen, nor anybody who asks."""
        if self._running.idle and self._running.budget is not None:
            self._running.begin(Alone(self.commands()), Journal())

    def commands(self) -> dict[str, Command]:
        """Return the commands by name."""
        return {
            "lanes.show": self.show,
            "lanes.set": self.set,
            "lanes.percent": self.percent,
            "lanes.rollback": self.rollback,
            "lanes.history": self.history,
            "lanes.reload": self.reload,
            "lanes.snapshot": self.snapshot,
        }

    async def show(self, arguments: Arguments) -> Answer:
        """Return where each view is served, why, and what has come of it in the last window, in all
        processes together.
        """
        running = self._running
        running.take_up()
        answers = await running.figures_of_all(running.clock() - running.window)
        found = total([from_json(answer["figures"]) for answer in answers])
        trials = {trial.rule.name: trial for trial in running.trials}
        paths = [rule.name for rule in running.state.rules if rule.name.startswith("/")]
        views = [self._shown(name, trials, found) for name in [*running.project.views, *paths]]
        budget = None if running.budget is None else running.budget.to_json()
        return {"views": views, "budget": budget, **_processes(answers)}

    def _shown(self, name: str, trials: Mapping[str, Trial], found: Found) -> Answer:
        state = self._running.state
        rule = state.rule_for(name)
        trial = None if rule is None else trials.get(rule.name)
        on_trial = None
        if trial is not None and name in trial.keys:
            on_trial = {"since": trial.since, "old": trial.old, "new": trial.new}
        figures = {lane: _figures(found.get(name, {}).get(lane, Counts())) for lane in LANES}
        return {"name": name, **state.effect(name)._asdict(), "trial": on_trial, "figures": figures}

    async def set(self, arguments: Arguments) -> Answer:
        """Put a view on a lane for all clients."""
        view, lane = self._view(arguments), _lane(arguments)
        if lane is None:
            raise ControlError(f"{view}: say which lane, wsgi or asgi")
        return await self._move(arguments, Rule(view, lane))

    async def percent(self, arguments: Arguments) -> Answer:
        """Put a view on a lane for a share of the clients."""
        view, percent, lane = self._view(arguments), _percent(arguments), _lane(arguments)
        self._running.take_up()
        return await self._move(arguments, share(self._running.state, view, percent, lane))

    async def rollback(self, arguments: Arguments) -> Answer:
        """Take the last change back, of a view or at all."""
        view = self._optional_view(arguments)
        return await self._change(
            rolling_back(self._running.project, self._wish(arguments, view or ""), view)
        )

    async def history(self, arguments: Arguments) -> Answer:
        """Return the changes, oldest first, of a view or all."""
        view = self._optional_view(arguments)
        self._running.take_up()
        changes = self._running.state.changes
        return {"changes": [_change(each) for each in changes if view in (None, each.view)]}

    async def reload(self, arguments: Arguments) -> Answer:
        """Take up what another process has changed."""
        self._running.take_up()
        changes = self._running.state.changes
        return {"pid": os.getpid(), "number": changes[-1].number if changes else 0}

    async def snapshot(self, arguments: Arguments) -> Answer:
        """Return what has come of this process's requests since a moment, or later ones for some views."""
        found = self._running.found(float(arguments["since"]), arguments.get("later"))
        return {"pid": os.getpid(), "figures": to_json(found)}

    def _view(self, arguments: Arguments) -> str:
        """Return which view is meant, or which paths."""
        running = self._running
        view = running.project.require(_text(arguments, "view"))
        if not view.startswith("/") and not running.knows_views:
            raise ControlError(
                f"{view}: a middleware sets request.urlconf, so that paths tell no view: name paths instead"
            )
        return view

    def _optional_view(self, arguments: Arguments) -> str | None:
        view = _text(arguments, "view")
        return self._running.project.require(view) if view else None

    def _wish(self, arguments: Arguments, view: str) -> Wish:
        by, reason = _text(arguments, "by") or "somebody", _text(arguments, "reason")
        return Wish(view, by, reason, self._running.clock())

    async def _move(self, arguments: Arguments, rule: Rule) -> Answer:
        wish = self._wish(arguments, rule.name)
        return await self._change(setting(self._running.project, wish, rule))

    async def _change(self, decide: Decide) -> Answer:
        change, answers = await self._running.change(decide)
        assert change is not None
        return {"change": _change(change), **_processes(answers)}


class ControlledLanes(DjangoLanes):
    """Chooses the lane of each request, and can be told another one while it does:
    a :class:`~hybrid.bridge.control.Controllable` (loop).

    Attributes:
        control: what is told.
    """

    control: LaneControl
    _recorder: Any = None
    _live: Any = None

    def commands(self) -> Mapping[str, Command]:
        """Return the commands by name."""
        names = ("record.begin", "record.fetch", "record.end")
        recording = {name: partial(self._record, name) for name in names}
        return {**self.control.commands(), **recording, "shadow.show": self._show_shadow}

    async def join(self, fleet: Fleet) -> None:
        """Take part in a server."""
        await self.control.join(fleet)
        if self.control.shadow:
            self._live = (await asyncio.to_thread(import_module, _LIVE)).Live(self, self.control.shadow)
            self._live.join(fleet)

    async def leave(self) -> None:
        """Take no part in it any more."""
        if self._recorder is not None:
            self._recorder.leave()
        if self._live is not None:
            await self._live.leave()
        await self.control.leave()

    async def _record(self, name: str, arguments: Arguments) -> Answer:
        """Do what is wanted of a recording."""
        if self._recorder is None:
            module = await asyncio.to_thread(import_module, _RECORDING)
            self._recorder = self._recorder or module.Recorder(self)
        answer: Answer = await self._recorder.commands()[name](arguments)
        return answer

    async def _show_shadow(self, arguments: Arguments) -> Answer:
        """Return what came of trying requests again."""
        if self._live is None:
            raise ControlError(
                "the server tries no requests again: --shadow PERCENT of hybrid serve does that"
            )
        answer: Answer = await self._live.show(arguments)
        return answer


def _processes(answers: Answers) -> Answer:
    """Say how many processes have answered, and which have not."""
    return {"processes": len(answers), "missing": answers.missing}


def _change(change: Change) -> Answer:
    """Return what is told of a change to those who ask."""
    told = change.to_json()
    return {key: told[key] for key in _TOLD}


def _figures(counts: Counts) -> Answer:
    said = {"requests": counts.requests, "errors": counts.errors, "stalls": counts.stalls}
    return {**said, "p50": counts.p50, "p95": counts.p95}


def _text(arguments: Arguments, key: str) -> str:
    """Return an argument in one line, as logs have it; ``""`` without one."""
    value = arguments.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST[key]:
        raise ControlError(f"{key}: at most {_LONGEST[key]} characters")
    return " ".join("".join(each if each.isprintable() else " " for each in value).split())


def _lane(arguments: Arguments) -> str | None:
    lane: str | None = arguments.get("lane")
    if lane is not None and lane not in LANES:
        raise ControlError(f"{lane!r} is no lane: wsgi and asgi are")
    return lane


def _percent(arguments: Arguments) -> float:
    percent: Any = arguments.get("percent")
    if not isinstance(percent, (int, float)) or isinstance(percent, bool) or not 0 <= percent <= 100:
        raise ControlError(f"{percent!r} is not a share from 0 to 100 percent")
    return float(percent)
