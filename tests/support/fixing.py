"""Pairs of files before and after codemods, and what comes of running these on one."""

import re
import runpy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid.adapters.django.migrate.checks import without_duplicates
from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.fixes.draft import Project
from hybrid.adapters.django.migrate.fixes.runner import Fixes, fix
from hybrid.adapters.django.migrate.ignores import without_ignored
from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact, RouteFact, Where
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources, read_sources
from tests.support.process import ROOT
from tests.support.sources import findings_in

PAIRS = ROOT / "tests" / "adapters" / "django" / "migrate" / "fixes" / "pairs"
_VIEW = re.compile(r"# view: ([\w ]+?)(?:  #|$)")
_MIDDLEWARE = re.compile(r"# middleware(?:  #|$)")
_LEFT = re.compile(r"# left alone: (.+)$")


@dataclass(frozen=True)
class Pair:
    """A file, and what is to come of it.

    Attributes:
        rule: that is put right in it.
        suggest: whether that has to be asked for: the folder has ``-suggest`` behind the rule.
    """

    before: Path
    rule: str
    suggest: bool

    @property
    def after(self) -> Path:
        """What is to come of it."""
        return self.before.with_name(self.before.name.replace(".before.", ".after."))

    @property
    def beside(self) -> Path:
        """Where modules are that its project has too."""
        return self.before.with_name("beside")

    def __str__(self) -> str:
        return f"{self.before.parent.name}/{self.before.name.partition('.')[0]}"


def pairs() -> Iterator[Pair]:
    """Give all pairs, by the folders of their rules."""
    for path in sorted(PAIRS.glob("hm*/*.before.py")):
        rule, _, kind = path.parent.name.partition("-")
        yield Pair(path, rule.upper(), kind == "suggest")


def left_alone(text: str) -> dict[int, str]:
    """Return what comments say is left alone, and the beginning of the reason, by line."""
    found = ((number, _LEFT.search(line)) for number, line in enumerate(text.splitlines(), 1))
    return {number: match[1] for number, match in found if match}


def sources_of(folder: Path, text: bytes, beside: Path | None = None) -> Sources:
    """Write a project with the module ``shop.code``, and those of a folder beside it, and read it."""
    (folder / "shop").mkdir(exist_ok=True)
    (folder / "shop" / "__init__.py").touch()
    (folder / "shop" / "code.py").write_bytes(text)
    for each in beside.glob("*.py") if beside else ():
        (folder / "shop" / each.name).write_bytes(each.read_bytes())
    return read_sources(folder, [folder])


def facts_of(sources: Sources) -> Facts:
    """Return what importing ``shop.code`` shows of its views: where ``# view`` stands, with the databases on
    which every request is to be atomic behind it; and of its middleware: where ``# middleware`` stands.
    """
    module = sources.module("shop.code")
    if module is None:
        return Facts()
    lines = list(enumerate(module.text.split("\n"), 1))
    marks = [(number, _VIEW.search(line)) for number, line in lines]
    middleware = [number for number, line in lines if _MIDDLEWARE.search(line)]
    atomic = {alias: {"ATOMIC_REQUESTS": True} for _, mark in marks if mark for alias in mark[1].split()}
    space = runpy.run_path(str(module.path)) if atomic or middleware else {}
    routes = tuple(_route(module, number, space) for number, mark in marks if mark)
    return Facts(
        settings_module="shop.settings",
        settings={"DATABASES": atomic},
        middleware=tuple(_middleware(module, number, space) for number in middleware),
        routes=routes,
    )


def _middleware(module: SourceModule, line: int, space: dict[str, Any]) -> MiddlewareFact:
    node = module.defined_at(line)
    assert node is not None
    made = space[node.name]
    return MiddlewareFact(
        module.symbol(node),
        Where(str(module.path), line),
        kind="class" if isinstance(made, type) else "function",
        sync_capable=getattr(made, "sync_capable", True),
        async_capable=getattr(made, "async_capable", False),
    )


def _route(module: SourceModule, line: int, space: dict[str, Any]) -> RouteFact:
    node = module.defined_at(line)
    assert node is not None
    view: Any = space.get(node.name)
    callback = view.as_view() if hasattr(view, "as_view") else view
    non_atomic = tuple(getattr(callback, "_non_atomic_requests", ()))  # where Django looks
    where = Where(str(module.path), line)
    return RouteFact("", view=module.symbol(node), where=where, is_async=True, non_atomic=non_atomic)


def found_in(sources: Sources, rule: str) -> list[Finding]:
    """Return what the audit finds of a rule, but for what comments leave out."""
    left, _, _ = without_ignored(findings_in(sources, facts_of(sources)), sources.modules, {rule})
    return [each for each in without_duplicates(left) if each.rule == rule]


def fixed(sources: Sources, findings: list[Finding], *, suggest: bool = False) -> Fixes:
    """Run the codemods on findings."""
    return fix(findings, Project(sources, facts_of(sources)), suggest=suggest)
