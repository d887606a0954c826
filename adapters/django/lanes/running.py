"""The lanes of a project while a process serves it: what has been changed, and what is on trial."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from hybrid.adapters.django.lanes.budget import Budget
from hybrid.adapters.django.lanes.change import Change
from hybrid.adapters.django.lanes.changes import MayDecide, stepping_back
from hybrid.adapters.django.lanes.figures import Figures
from hybrid.adapters.django.lanes.journal import Journal
from hybrid.adapters.django.lanes.rules import Rules
from hybrid.adapters.django.lanes.state import Project, State, Wish
from hybrid.adapters.django.lanes.trials import LOOKS, Trial, failed, starts, trials_of
from hybrid.adapters.django.lanes.windows import Found, Windows, from_json, total
from hybrid.bridge.control import Answers, Fleet

logger = logging.getLogger("hybrid.django")

#: Who makes the changes that nobody has asked for.
SERVER: Final = "hybrid"
#: Seconds of a window where no budget says how many.
WINDOW: Final = 60.0
#: Seconds between looks whether others have changed anything.
_FOLLOW: Final = 1.0


class Choosing(Protocol):
    """What sends requests where rules say: :class:`~hybrid.adapters.django.lanes.choice.DjangoLanes`."""

    @property
    def rules(self) -> Rules:
        """The rules, which may be replaced."""
        ...

    @rules.setter
    def rules(self, rules: Rules) -> None: ...

    @property
    def timed(self) -> Collection[str] | None:
        """The views, as the figures call them, whose stalls are counted."""
        ...

    @timed.setter
    def timed(self, views: Collection[str] | None) -> None: ...

    @property
    def sets_urlconf(self) -> bool:
        """Whether paths do not tell the view, so that rules for views do not count."""
        ...


class RunningLanes:
    """What has been changed about the lanes of a project, in one of the processes that serve it.

    From :meth:`begin` to :meth:`end` it takes up what other processes change, remembers figures of the last
    window, and, where it leads, ends trials that fail. Loop thread only.

    Args:
        project: the views, and what the configuration says.
        figures: what has come of their requests in this process.
        budget: what is allowed to a lane on trial; without one, none steps back by itself.
        clock: the time, in seconds since the epoch.

    Attributes:
        state: the rules in force.
        window: seconds over which figures are looked at.
    """

    def __init__(
        self,
        project: Project,
        figures: Figures,
        budget: Budget | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.project = project
        self.budget = budget
        self.clock = clock
        self.window = WINDOW if budget is None else budget.window
        self.state = State(project, [])
        self._fleet: Fleet | None = None
        self._started = clock()
        self._windows = Windows(figures, self._started)
        self._journal = Journal()
        self._lanes: list[Choosing] = []
        self._tasks: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<RunningLanes, {len(self.state.changes)} changes>"

    def attach(self, lanes: Choosing) -> None:
        """Let these requests go where the rules say."""
        self._lanes.append(lanes)
        self._tell(lanes)

    @property
    def knows_views(self) -> bool:
        """Whether paths lead to views, so that rules for views count."""
        return not any(lanes.sets_urlconf for lanes in self._lanes)

    @property
    def idle(self) -> bool:
        """Whether it does nothing by itself."""
        return not self._tasks

    @property
    def trials(self) -> list[Trial]:
        """What is on trial."""
        return trials_of(self.state, self._started)

    def found(self, moment: float, later: Mapping[str, float] | None = None) -> Found:
        """Return what has come of the requests of this process since a moment."""
        return self._windows.since(moment, later)

    def begin(self, fleet: Fleet, journal: Journal) -> None:
        """Take part in a fleet: what its journal has counts from now on. Reads a file.

        Raises:
            OSError: the journal is there and cannot be read; all stays as it was.
        """
        journal.read()
        self._cancel()
        self._fleet, self._journal = fleet, journal
        self._take(journal.changes)
        if journal.changes:
            logger.info("lanes: changes 1 to %d of this server count here too", journal.changes[-1].number)
        self._repeat(_FOLLOW, self._follow)
        self._repeat(self.window / LOOKS, self.look)

    async def end(self) -> None:
        """Take no part in it any more. What has been changed stays as it is."""
        tasks = self._cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _cancel(self) -> list[asyncio.Task[None]]:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        return tasks

    def _repeat(self, seconds: float, what: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(_repeated(seconds, what)))

    async def ask(self, command: str, arguments: Mapping[str, Any]) -> Answers:
        """Have all processes do what a command says; none where this one takes part in nothing."""
        return Answers() if self._fleet is None else await self._fleet.ask(command, arguments)

    async def figures_of_all(self, moment: float, later: Mapping[str, float] | None = None) -> Answers:
        """Have all processes say what has come of their requests since a moment."""
        return await self.ask("lanes.snapshot", {"since": moment, "later": dict(later or {})})

    async def change(self, decide: MayDecide) -> tuple[Change | None, Answers]:
        """Make a change, which counts from the next request on, in all processes.

        Returns:
            the change, None if it was better not made; what the processes say to it.

        Raises:
            ControlError: it cannot be made.
        """
        self.take_up()
        baseline = await self._baseline(decide(self.state.changes))

        def decide_again(changes: Sequence[Change]) -> Change | None:
            change = decide(changes)
            return change if change is None or baseline is None else replace(change, baseline=baseline)

        change = await self._journal.append(decide_again)
        self.take_up()
        return change, Answers() if change is None else await self.ask("lanes.reload", {})

    async def _baseline(self, change: Change | None) -> Mapping[str, Any] | None:
        """Return what has come of views on the lane that they are to be moved off, for comparison."""
        if self.budget is None or change is None:
            return None
        then = trials_of(State(self.project, [*self.state.changes, change]), self._started)
        for trial in then:
            if trial.number == change.number:
                found = await self._total(self.clock() - self.window)
                before = trial.counts(found, trial.old)
                return before.to_json() if before.requests else None
        return None

    async def _total(self, moment: float, later: Mapping[str, float] | None = None) -> Found:
        answers = await self.figures_of_all(moment, later)
        return total([from_json(answer["figures"]) for answer in answers])

    def take_up(self) -> None:
        """Let what has been changed count from the next request on, and log it. Reads the file if it has
        grown.
        """
        if self._journal.has_grown():
            self._journal.read()
        if self._journal.changes[-1:] == self.state.changes[-1:]:
            return
        known = {(change.number, change.time) for change in self.state.changes}
        for change in self._journal.changes:
            if (change.number, change.time) not in known:
                level = logging.WARNING if change.by == SERVER else logging.INFO
                logger.log(level, "lanes: %s", change)
        self._take(self._journal.changes)

    def _take(self, changes: Sequence[Change]) -> None:
        self.state = State(self.project, list(changes))
        for lanes in self._lanes:
            self._tell(lanes)
        self._windows.mark(self.clock(), self.window)

    def _tell(self, lanes: Choosing) -> None:
        """Have requests go where the rules say, and look for stalls only where somebody waits for them: that
        costs each step of a request.
        """
        lanes.rules = self.state.rules
        lanes.timed = frozenset[str]().union(*(trial.keys for trial in self.trials))

    async def _follow(self) -> None:
        await self._journal.restore()
        self.take_up()

    async def look(self) -> None:
        """Remember what the figures are, and, where this process leads, end the trials that fail in all of
        them together.
        """
        self._windows.mark(self.clock(), self.window)
        if self._fleet is not None and self._fleet.leads:
            await self._judge()

    async def _judge(self) -> None:
        trials = self.trials
        if self.budget is None or not trials:
            return
        beginning = self.clock() - self.window
        found = await self._total(beginning, starts(trials, beginning))
        for trial in trials:
            reason = failed(trial, self.budget, found)
            if reason is not None:
                await self._step_back(trial, reason)

    async def _step_back(self, trial: Trial, reason: str) -> None:
        wish = Wish(trial.rule.name, SERVER, reason, self.clock())
        await self.change(stepping_back(self.project, wish, trial.number))


async def _repeated(seconds: float, what: Callable[[], Awaitable[None]]) -> None:
    """Do something again and again; what goes wrong is logged, and tried again the next time."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await what()
        except Exception:
            logger.exception("lanes: what has been changed, or is on trial, could not be looked at")
