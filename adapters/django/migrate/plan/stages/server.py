"""The second stage: the server changes, and nothing else does."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from hybrid.adapters.django.migrate.findings import Finding, Level
from hybrid.adapters.django.migrate.plan.known import Known
from hybrid.adapters.django.migrate.plan.lanes import Lanes, first_table
from hybrid.adapters.django.migrate.plan.shell import CONFIG, OBSERVED, Shell
from hybrid.adapters.django.migrate.plan.stages.rulesteps import (
    by_rule,
    rule_steps,
    rules_of,
    step_by_hand,
)
from hybrid.adapters.django.migrate.plan.step import Block, Command, Evidence, Stage, Step, evidence_of
from hybrid.adapters.django.migrate.report.words import counted

#: What keeps hybrid from starting, or would be missing under it.
_BEFORE: Final = ("HM112", "HM115", "HM114", "HM404")
#: What holds everybody up as soon as hybrid serves, where it held up one thread before: coroutines run on the
#: server's event loop, whichever lane has called them.
_BLOCKING: Final = ("HM307", "HM308")
_ON_LOOP: Final = (
    "That is so on hybrid's wsgi lane too: it runs coroutines on the server's event loop, where gunicorn has "
    "a loop for each call."
)
#: What is a setting of hybrid's, with what to say in its file.
_SETTINGS: Final = {
    "HM201": ("forwarder_headers", "where a proxy sets the user: the field that it sets"),
    "HM203": (
        "limit_request_body",
        "bytes of the largest upload: what is larger is refused before it is read",
    ),
    "HM204": ("forwarded_allow_ips", "the addresses of the proxies in front, and no others"),
    "HM408": ("timeout_request, limit_max_requests", "what gunicorn's timeout and max_requests were"),
}
#: What hybrid does otherwise than the ASGI server that a rule speaks of.
_SETTLED: Final = ("HM301", "HM303", "HM304", "HM309", "HM312", "HM403", "HM502")


def stage_of(known: Known, shell: Shell, lanes: Lanes) -> Stage:
    """Return the stage."""
    return Stage(
        "The server",
        "hybrid takes the place of the WSGI server, and every view runs where it did before.",
        tuple(_steps(known, shell, lanes)),
    )


def _steps(known: Known, shell: Shell, lanes: Lanes) -> Iterator[Step]:
    yield from rule_steps(
        shell,
        known.of(_BEFORE),
        title="Let asgi.py be put right",
        why="hybrid loads it for WebSockets and the asgi lane, and does not start where it is broken.",
    )
    blocking = [each for each in known.of(_BLOCKING) if each.level is not Level.NOTE]
    for each in by_rule(blocking):
        step = step_by_hand(shell, each)
        yield replace(step, why=f"{step.why} {_ON_LOOP}")
    yield _serve(known, lanes)
    if known.observed is None:
        yield _observe(shell)


def _serve(known: Known, lanes: Lanes) -> Step:
    settings = known.of(_SETTINGS)
    settled = known.of(_SETTLED)
    keys = [
        f"{key} in {CONFIG}: {what}." for rule, (key, what) in _SETTINGS.items() if rule in rules_of(settings)
    ]
    pinned = len(lanes.moving) + len(lanes.staying)
    return Step(
        "Serve with hybrid, every view on the wsgi lane",
        "The server changes alone, so that whatever differs from today is the server's doing. Views run on "
        "threads, through Django's WSGIHandler, as they do now; coroutines run on the server's event loop.",
        (
            Block(CONFIG, config_text(known, first_table(known, lanes))),
            *keys,
            Command(f"hybrid serve --config {CONFIG}", None, "in the place of the server of today"),
        ),
        (
            Command(
                f"hybrid routes --config {CONFIG}", 0, "before that: the project loads, and so do the lanes"
            ),
            Command("hybrid lanes show", 0, "shows no view on asgi"),
        ),
        "Start the server of before: nothing in the project has changed.",
        (
            Evidence(
                f"{counted(len(known.views), 'view')}; {pinned} of them are for the asgi lane by their kind"
            ),
            *evidence_of(settings, most=1),
            *_settled(settled),
        ),
        rules_of([*settings, *settled]),
    )


def _settled(findings: list[Finding]) -> tuple[Evidence, ...]:
    told = evidence_of(findings, most=1)
    return tuple(Evidence(f"settled by hybrid: {each.text}", each.rule, each.where) for each in told)


def config_text(known: Known, table: str) -> str:
    """Return a configuration file with a table of lanes in it."""
    settings = known.facts.settings_module
    return f'django = "{settings}"\n\n{table}' if settings else table


def _observe(shell: Shell) -> Step:
    return Step(
        "Look at what views do, and plan again",
        "Which views wait, and for how long, and which hold up the event loop, only requests can show. With "
        "that, this plan puts those first that gain most, and says with how many clients to begin.",
        (
            Command(f"hybrid serve --config {CONFIG} --observe", None, "for a day, or a busy hour"),
            Command(f"hybrid migrate observe --format json --output {OBSERVED}", None, "on the same machine"),
        ),
        (shell.migrate(f"plan --observe {OBSERVED}", 0, "has figures beside the views"),),
        "Start hybrid without --observe.",
        (Evidence("no figures of requests were given to this plan"),),
    )
