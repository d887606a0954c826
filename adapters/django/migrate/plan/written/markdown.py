"""A plan as Markdown, as GitHub and GitLab show it."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from hybrid.adapters.django.migrate.plan.lanes import first_table, last_table
from hybrid.adapters.django.migrate.plan.plan import Plan
from hybrid.adapters.django.migrate.plan.step import Block, Command, Evidence, Step

#: What means something in Markdown: markup, underscores that are not within a word, and what begins a line.
_SPECIAL: Final = re.compile(r"[\\`*<>\[\]|&~]|(?<!\w)_+|_+(?!\w)|^[#+=-]")
_TICKS: Final = re.compile(r"`+")
_OURS: Final = re.compile(r"(`[^`]+`)")


def render(plan: Plan) -> str:
    """Return the plan."""
    return "\n\n".join(_parts(plan))


def _parts(plan: Plan) -> Iterator[str]:
    yield f"# {escaped(plan.title)}: from WSGI to ASGI"
    yield "\n".join(f"- {name}: {escaped(text)}" for name, text in plan.standing)
    if plan.missing:
        missing = "\n".join(f"- `{option}`: {escaped(what)}" for option, what in plan.missing)
        yield f"Not known to this plan, and what it would add:\n\n{missing}"
    yield "## Lanes"
    yield "To begin with, where every view runs as it does today:"
    yield _fenced("toml", first_table(plan.known, plan.lanes))
    if plan.lanes.moving:
        yield "In the end, when the steps below are done:"
        yield _fenced("toml", last_table(plan.known, plan.lanes))
    if plan.staying:
        yield "### What stays on the wsgi lane"
        yield "\n".join(
            f"- {code(each.what) if each.names else escaped(each.what)}: {escaped(each.why)}"
            for each in plan.staying
        )
    yield "## Steps"
    stage_before = None
    for number, stage, step in plan.numbered:
        if stage is not stage_before:
            yield f"### {escaped(stage.title)}"
            yield escaped(stage.about)
            stage_before = stage
        yield from _step(number, step)
    if plan.packages:
        yield "## Packages of others"
        yield "\n".join(f"- {escaped(name)}: {escaped(what)}" for name, what in plan.packages)


def _step(number: int, step: Step) -> Iterator[str]:
    yield f"#### {number}. {escaped(step.title)}"
    yield escaped(step.why)
    if step.evidence:
        yield "\n".join(["Evidence:", "", *(f"- {_evidence(each)}" for each in step.evidence)])
    yield "How:"
    yield from _told(step.how)
    yield "It has worked when:"
    yield from _told(step.check)
    yield f"Back: {_with_code(step.back)}"


def _evidence(evidence: Evidence) -> str:
    where = f"{code(evidence.where)} " if evidence.where else ""
    rule = f"{evidence.rule} " if evidence.rule else ""
    return f"{rule}{where}{escaped(evidence.text)}"


def _told(said: Iterable[str | Command | Block]) -> Iterator[str]:
    """Write sentences and commands as lists, and what is for a file as a block between them."""
    items: list[str] = []
    for each in said:
        if isinstance(each, Block):
            if items:
                yield "\n".join(items)
            items = []
            yield f"In {code(each.file)}:"
            yield _fenced("toml", each.text)
        else:
            items.append(f"- {_with_code(each) if isinstance(each, str) else _command(each)}")
    if items:
        yield "\n".join(items)


def _command(command: Command) -> str:
    ends = "" if command.code is None else f" (exit code {command.code})"
    said = f": {escaped(command.says)}" if command.says else ""
    return f"{code(command.line)}{said}{ends}"


def escaped(text: str) -> str:
    """Return text that means nothing but itself, on one line."""
    return _marked(" ".join(text.split()))


def _marked(text: str) -> str:
    return _SPECIAL.sub(lambda found: "".join(f"\\{each}" for each in found[0]), text)


def _with_code(text: str) -> str:
    """Return text of ours, in which what stands between ticks is code."""
    parts = _OURS.split(re.sub(r"\s+", " ", text))
    return "".join(each if index % 2 else _marked(each) for index, each in enumerate(parts))


def code(text: str) -> str:
    """Return code within a line, whatever ticks are in it."""
    text = " ".join(text.split())
    longest = max((len(each) for each in _TICKS.findall(text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{fence}{space}{text}{space}{fence}"


def _fenced(language: str, text: str) -> str:
    longest = max((len(each) for each in _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
