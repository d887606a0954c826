"""Which routes lead to which code: URLconf → view → calls."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from hybrid.adapters.django.migrate.calls import Calls
from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Finding, Level
from hybrid.adapters.django.migrate.project.facts import Facts, RouteFact
from hybrid.adapters.django.migrate.source.definitions import ClassAt, FunctionAt
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_ALL: Final = ("*",)
#: The rules whose findings are as bad as can be where a route surely leads to them, and doubtful elsewhere.
_ROUTED: Final = {"HM111", "HF103", "HF107"}
#: Folders whose modules nothing of a server imports.
_ELSEWHERE: Final = {"commands", "migrations"}
_APP: Final = "django.apps.AppConfig"


class Reach:
    """What the routes of a project reach.

    Surely, for the names of routes; and possibly, by names alone: only what is not even possible is said
    to be out of reach.
    """

    def __init__(self, facts: Facts, sources: Sources, everywhere: Iterable[str] = ()) -> None:
        self._facts = facts
        self._sources = sources
        self._definitions = sources.definitions
        self._calls = Calls(self._definitions)
        self._routes = self._routes_by_function()
        begins = [(each.path, each.bases) for each in facts.middleware]
        begins += [(each.receiver, ()) for each in facts.receivers]
        begins += [(each, ()) for each in everywhere]
        self._everywhere = self._closure(symbol for each in begins for symbol in self._entries(*each))
        self._mentioned = self._names_in_reach()

    def told(self, finding: Finding) -> Finding:
        """Return a finding with the routes that reach it. What no route can reach is a note."""
        function = self._function_at(finding)
        if function is None:
            return self._told_of_class(finding)
        if function.symbol in self._everywhere:
            return replace(finding, routes=_ALL, reachable=True)
        routes = self._routes.get(function.symbol)
        if routes:
            level = RULES[finding.rule].level if finding.rule in _ROUTED else finding.level
            return replace(finding, level=level, routes=tuple(routes), reachable=True)
        if self._possible(function):
            return finding
        return replace(finding, level=Level.NOTE, reachable=False)

    def _told_of_class(self, finding: Finding) -> Finding:
        owner = self._definitions.classes.get(finding.place.symbol)
        if owner is None:
            return finding
        symbols = [each.symbol for each in owner.methods.values()]
        if any(each in self._everywhere for each in symbols):
            return replace(finding, routes=_ALL, reachable=True)
        routes = dict.fromkeys(route for each in symbols for route in self._routes.get(each, ()))
        return replace(finding, routes=tuple(routes), reachable=True) if routes else finding

    def _function_at(self, finding: Finding) -> FunctionAt | None:
        return self._definitions.functions.get(finding.place.symbol)

    def _routes_by_function(self) -> dict[str, list[str]]:
        by_view: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for route in self._facts.routes:
            by_view.setdefault((route.view, (*route.bases, *route.decorators)), []).append(_shown(route))
        found: dict[str, list[str]] = {}
        for (view, more), routes in by_view.items():
            for symbol in self._closure(self._entries(view, more)):
                found.setdefault(symbol, []).extend(routes)
        return {symbol: list(dict.fromkeys(routes)) for symbol, routes in found.items()}

    def _entries(self, dotted: str, more: Iterable[str] = ()) -> Iterator[str]:
        """Give the functions that a view, or a middleware, begins with: of a class all methods it has."""
        for each in (dotted, *more):
            owner = self._definitions.class_(each)
            if owner is not None:
                for base in self._definitions.line(owner):
                    yield from (method.symbol for method in base.methods.values())
                    yield from self._calls.of_class(base).leads
            elif function := self._definitions.function(each):
                yield function.symbol

    def _closure(self, symbols: Iterable[str]) -> set[str]:
        found, waiting = set[str](), [*symbols]
        while waiting:
            symbol = waiting.pop()
            function = self._definitions.functions.get(symbol)
            if function is not None and symbol not in found:
                found.add(symbol)
                waiting.extend(self._calls.of_function(function).leads)
        return found

    def _names_in_reach(self) -> set[str]:
        """Return every name by which something that routes lead to may call something."""
        names: set[str] = set()
        for module in self._sources.modules:
            if self._is_served(module):
                names |= self._calls.of_module(module).names
        for owner in self._definitions.classes.values():
            if _APP in self._definitions.foreign_bases(owner):  # Django makes it, which nothing need name
                names.add(owner.node.name)
        for route in self._facts.routes:
            names.update(route.view.split("."))
        for each in (*self._facts.middleware, *self._facts.receivers, *self._facts.socket_routes):
            path = getattr(each, "path", "") or getattr(each, "receiver", "") or getattr(each, "consumer", "")
            names.update(path.split("."))
        return self._grown(names)

    def _grown(self, names: set[str]) -> set[str]:
        """Add what everything of these names mentions, until there is no more."""
        functions = [each for each in self._definitions.functions.values() if self._is_served(each.module)]
        classes = [each for each in self._definitions.classes.values() if self._is_served(each.module)]
        size = -1
        while len(names) > size:
            size = len(names)
            waiting_functions: list[FunctionAt] = []
            for function in functions:
                if self._named(function, names):
                    names |= self._calls.of_function(function).names
                else:
                    waiting_functions.append(function)
            waiting_classes: list[ClassAt] = []
            for owner in classes:
                if owner.node.name in names or owner.node.decorator_list:
                    names |= self._calls.of_class(owner).names | {owner.node.name}
                else:
                    waiting_classes.append(owner)
            functions, classes = waiting_functions, waiting_classes
        return names

    def _named(self, function: FunctionAt, names: set[str]) -> bool:
        """Tell whether something of these names may call a function: by its own name, by having been
        decorated, or as what others call of a class that is named.
        """
        is_special = function.node.name.startswith("__")
        if function.node.decorator_list or (function.node.name in names and not is_special):
            return True
        owner = self._definitions.classes.get(function.in_class)
        return owner is not None and owner.node.name in names

    def _possible(self, function: FunctionAt) -> bool:
        return self._is_served(function.module) and self._named(function, self._mentioned)

    def _is_served(self, module: SourceModule) -> bool:
        folders = module.path.relative_to(self._sources.root).parts if self._inside(module) else ()
        return not (_ELSEWHERE.intersection(folders) or self._sources.is_test(module))

    def _inside(self, module: SourceModule) -> bool:
        return module.path.is_relative_to(self._sources.root)


def told_of_routes(
    findings: Iterable[Finding], facts: Facts, sources: Sources, everywhere: Iterable[str] = ()
) -> list[Finding]:
    """Return the findings with the routes that reach them, where the routes are known.

    Args:
        findings: without routes.
        facts: of the project.
        sources: of the project.
        everywhere: the dotted names of functions that run for every request, middleware aside.
    """
    if not facts.routes:
        return list(findings)
    reach = Reach(facts, sources, everywhere)
    return [reach.told(each) for each in findings]


def _shown(route: RouteFact) -> str:
    return route.name or route.pattern
