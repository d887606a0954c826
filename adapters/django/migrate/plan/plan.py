"""A plan: its steps in order, the lanes, and what stays where it is."""

from dataclasses import dataclass
from functools import cached_property

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Level
from hybrid.adapters.django.migrate.plan.known import Known
from hybrid.adapters.django.migrate.plan.lanes import Lanes, lanes_of
from hybrid.adapters.django.migrate.plan.shell import Shell
from hybrid.adapters.django.migrate.plan.stages import chain, ending, fixes, moving, server, today
from hybrid.adapters.django.migrate.plan.step import Stage, Step
from hybrid.adapters.django.migrate.report.words import counted


@dataclass(frozen=True)
class Staying:
    """What stays on the wsgi lane.

    Attributes:
        names: the views; empty where ``what`` says which.
        why: a sentence without a full stop.
    """

    what: str
    why: str
    names: tuple[str, ...] = ()


class Plan:
    """What to do with a project, in which order, and by what that is known.

    Args:
        known: the project.
    """

    def __init__(self, known: Known) -> None:
        self.known = known

    @property
    def title(self) -> str:
        """What it is a plan for, in short."""
        report = self.known.report
        return report.facts.settings_module or report.reading.root.name

    @cached_property
    def lanes(self) -> Lanes:
        """Where the views run."""
        return lanes_of(self.known)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that have steps, in their order."""
        shell = Shell(self.known.facts)
        stages = [
            today.stage_of(self.known, shell),
            server.stage_of(self.known, shell, self.lanes),
            fixes.stage_of(self.known, shell),
            chain.stage_of(self.known, shell, self.lanes),
            moving.stage_of(self.known, self.lanes),
        ]
        done = {rule for stage in stages for step in stage.steps for rule in step.rules}
        stages.append(ending.stage_of(self.known, shell, self.lanes, done))
        return tuple(each for each in stages if each.steps)

    @property
    def numbered(self) -> list[tuple[int, Stage, Step]]:
        """All steps with their numbers and stages."""
        pairs = ((stage, step) for stage in self.stages for step in stage.steps)
        return [(number, *pair) for number, pair in enumerate(pairs, 1)]

    @property
    def standing(self) -> list[tuple[str, str]]:
        """Where the project stands, in figures: what of, and how many."""
        known, facts = self.known, self.known.facts
        versions = [f"{name} {facts.versions[name]}" for name in _VERSIONS if name in facts.versions]
        counts = ", ".join(counted(self._count(each), each.value) for each in Level)
        async_views = [each for each in known.views if "asgi" in each.lanes]
        said = [
            ("Versions", ", ".join(versions)),
            ("Findings", f"{counts}{self._masked()}"),
            ("Views", f"{len(known.views):,}, {len(async_views):,} of them asynchronous"),
            ("WebSockets", counted(len(facts.socket_routes), "route") if facts.socket_routes else ""),
            ("Middleware", self._middleware()),
            ("Seen", self._seen()),
            ("Compared", self._compared()),
        ]
        return [(name, text) for name, text in said if text]

    def _count(self, level: Level) -> int:
        return sum(each.level is level for each in self.known.findings)

    def _masked(self) -> str:
        masked = sum(bool(each.masked_by) for each in self.known.findings)
        return f"; {masked} of them masked by others" if masked else ""

    def _middleware(self) -> str:
        used = [each for each in self.known.facts.middleware if each.used]
        alone = sum(each.sync_capable and (each.taken_sync or not each.async_capable) for each in used)
        return f"{len(used)}, of which {alone} can be synchronous alone" if used else ""

    def _seen(self) -> str:
        seen = self.known.observed
        if seen is None:
            return "nobody has looked at requests yet"
        return f"{counted(seen.calls, 'request')} in {seen.seconds / 60:,.0f} minutes"

    def _compared(self) -> str:
        compared = self.known.compared
        if compared is None:
            return "no request was sent to both lanes yet"
        return (
            f"{counted(compared.requests, 'request')}, of which {compared.different:,} had different answers"
        )

    @cached_property
    def staying(self) -> list[Staying]:
        """What stays on the wsgi lane, and why: what might be expected to move first."""
        if self.known.sets_urlconf:
            return [Staying("every view", _URLCONF)]
        found = [Staying(each.view.name, each.why, (each.view.name,)) for each in self.lanes.staying]
        plain = [each for each in self.known.views if each.lanes == {"wsgi"}]
        own = [each for each in plain if not each.is_foreign]
        kept = [each for each in own if each.keeps]
        found += [Staying(each.name, f"synchronous; {'; '.join(each.keeps)}", (each.name,)) for each in kept]
        free = len(own) - len(kept)
        if free:
            found.append(
                Staying(counted(free, "synchronous view"), "a thread is the right place: no hop, no gain")
            )
        if foreign := len(plain) - len(own):
            found.append(Staying(f"{counted(foreign, 'view')} of packages", "synchronous, as they came"))
        return found

    @property
    def missing(self) -> list[tuple[str, str]]:
        """What was not given to the plan: its option, and what it would add."""
        known = self.known
        looked = [] if known.observed else [("--observe", _WITHOUT_OBSERVE)]
        return [*looked, *([] if known.compared else [("--shadow", _WITHOUT_SHADOW)])]

    @property
    def packages(self) -> list[tuple[str, str]]:
        """Packages of which something is known, or in whose source something was found; and what."""
        found: list[tuple[str, str]] = []
        for each in self.known.report.packages:
            counts = ", ".join(
                f"{number} of {rule} ({RULES[rule].title})" for rule, number in each.findings.items()
            )
            told_of = " ".join(filter(None, (each.advice, counts)))
            found += [(f"{each.name} {each.version}".rstrip(), told_of)] if told_of else []
        return found


_VERSIONS = ("django", "python", "asgiref", "channels")
_URLCONF = (
    "a middleware sets request.urlconf, so that the path alone tells no view: hybrid serves everything on "
    "the wsgi lane; patterns of paths can be moved in spite of that, by hybrid lanes set"
)
_WITHOUT_OBSERVE = (
    "figures of requests: which views wait, and how long, in what order to move them and with how many "
    "clients to begin, which of them hold up the event loop. Serve with hybrid serve --observe, then: "
    "hybrid migrate observe --format json --output observe.json"
)
_WITHOUT_SHADOW = (
    "answers of both lanes, compared: which views differ, in what, and why. hybrid migrate shadow "
    "--format json --output shadow.json"
)
