"""A small project and a fleet of processes that are none, for tests of lanes that change."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from hybrid.adapters.django.lanes.budget import Budget
from hybrid.adapters.django.lanes.change import Change, Effect, Said
from hybrid.adapters.django.lanes.control import LaneControl
from hybrid.adapters.django.lanes.figures import Figures
from hybrid.adapters.django.lanes.rules import Rules, parse_rules
from hybrid.adapters.django.lanes.running import RunningLanes
from hybrid.adapters.django.lanes.state import Project
from hybrid.adapters.django.lanes.views import View
from hybrid.bridge.control import Answers, Command


def sync_view() -> None:
    """Be a view for threads."""


async def async_view() -> None:
    """Be a view for the loop."""


VIEWS = [
    View("shop:cart", "shop.views.cart", sync_view),
    View("shop:live", "shop.views.live", async_view),
    View("", "shop.views.legacy", sync_view),
    View("shop:one", "shop.views.shared", sync_view),
    View("shop:two", "shop.views.shared", sync_view),
]


def project(**lanes: Any) -> Project:
    """Make the project, with a configuration; ``__`` in a name is a colon."""
    return Project(VIEWS, parse_rules({name.replace("__", ":"): value for name, value in lanes.items()}))


def made(number: int, view: str = "shop:cart", rule: Said = "file") -> Change:
    """Make a change of which nothing else counts."""
    effect = Effect("wsgi", None, "sync-view")
    return Change(number, 1000.0 + number, view, rule, "file", effect, effect, "ada")


def following(changes: Sequence[Change], view: str = "shop:cart") -> Change:
    """Make the next change."""
    return made(changes[-1].number + 1 if changes else 1, view)


class Clock:
    """A time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Requests:
    """What sends requests where rules say, of which a test looks at the rules alone."""

    def __init__(self) -> None:
        self.rules = Rules([])
        self.timed: Collection[str] | None = None
        self.sets_urlconf = False


class Process:
    """A process of a server, as far as lanes are concerned."""

    def __init__(self, number: int, made_of: Project, budget: Budget | None, clock: Clock) -> None:
        self.number = number
        self.figures = Figures()
        self.requests = Requests()
        self.running = RunningLanes(made_of, self.figures, budget, clock)
        self.running.attach(self.requests)
        self.control = LaneControl(self.running)
        self.commands: Mapping[str, Command] = self.control.commands()

    def serve(self, view: str, lane: str, count: int, *, failed: int = 0, seconds: float = 0.01) -> None:
        """Have served so many requests."""
        for place in range(count):
            self.figures.note(view, lane, seconds, place < failed)


class Seen:
    """The processes of a server, as one of them sees them: a fleet."""

    def __init__(self, server: "FakeServer", process: Process) -> None:
        self.directory = server.directory
        self.leads = False
        self._server = server
        self._process = process

    async def ask(self, command: str, arguments: Mapping[str, Any]) -> Answers:
        """Ask all that can be reached."""
        self._server.asked.append(command)
        await asyncio.sleep(0)  # others have their turn meanwhile
        answers = Answers()
        for each in self._server.processes:
            if each.number in self._server.missing:
                answers.missing.append(each.number)
            else:
                answers.append({**await each.commands[command](arguments), "pid": each.number})
        return answers


class FakeServer:
    """Processes that share a directory; none does anything by itself, and the first one leads."""

    def __init__(self, directory: Path, count: int = 2, budget: Budget | None = None, **lanes: Any) -> None:
        self.directory = directory
        self.clock = Clock()
        self.missing: set[int] = set()
        self.asked: list[str] = []
        self.processes = [Process(number, project(**lanes), budget, self.clock) for number in range(count)]
        self.fleets = [Seen(self, each) for each in self.processes]
        self.fleets[0].leads = True

    async def start(self) -> None:
        """Let all of them join."""
        for process, fleet in zip(self.processes, self.fleets, strict=True):
            await process.control.join(fleet)

    async def stop(self) -> None:
        """Let all of them leave."""
        for process in self.processes:
            await process.control.leave()

    async def look(self) -> None:
        """Let those that can be reached do what they do a few times in each window."""
        for process in self.processes:
            if process.number not in self.missing:
                await process.running.look()

    def let_lead(self, *numbers: int) -> None:
        """Let other processes lead."""
        for number, fleet in enumerate(self.fleets):
            fleet.leads = number in numbers

    async def call(self, command: str, process: int = 0, /, **arguments: Any) -> Mapping[str, Any]:
        """Give one of them a command."""
        return await self.processes[process].commands[f"lanes.{command}"]({"by": "ada", **arguments})

    def rule(self, name: str) -> list[Any]:
        """Return what rule each process has for a name."""
        return [each.requests.rules.named(name) for each in self.processes]
