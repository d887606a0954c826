"""The routes of a project that was imported elsewhere: which paths there are, and whose they are."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from hybrid.adapters.django.migrate.project.facts import RouteFact
from hybrid.adapters.django.migrate.shadow.exchanges import Request

#: What a route that is a regular expression has, and none of ``path()``.
_IS_EXPRESSION: Final = re.compile(r"[\\$^*+?|()\[\]{}]")
_CONVERTER: Final = re.compile(r"<(?:(?P<kind>\w+):)?\w+>")


class Routes:
    """Routes, in the order in which they count."""

    def __init__(self, routes: Sequence[RouteFact]) -> None:
        self._names = [(each, found) for each in routes if (found := _expression(each.pattern)) is not None]

    def without_arguments(self) -> Iterator[Request]:
        """Give a GET request for each route whose path has no values."""
        for route, _ in self._names:
            path = route.pattern.removeprefix("^").removesuffix("$")
            if not _IS_EXPRESSION.search(path) and "<" not in path:
                yield Request("GET", f"/{path}", view=route.name or route.view)

    def named(self, request: Request) -> Request:
        """Return a request with the name of its view, where a route leads there."""
        path = request.target.partition("?")[0].removeprefix("/")
        for route, expression in self._names:
            if not request.view and expression.match(path):
                return replace(request, view=route.name or route.view)
        return request


def _expression(pattern: str) -> re.Pattern[str] | None:
    """Return what fits the paths of a route; None where it is none that Python knows."""
    is_expression = "(?P<" in pattern or _IS_EXPRESSION.search(pattern)
    try:
        if is_expression:
            return re.compile(pattern)
        pieces = _CONVERTER.split(pattern)
    except re.error:
        return None
    return re.compile(_of_path(pieces))


def _of_path(pieces: list[str]) -> str:
    """Put the pieces of a path() together: texts, and between them the kinds of their values."""
    kinds = {"path": ".+", "int": "[0-9]+"}
    text = [re.escape(pieces[0])]
    for kind, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        text += [kinds.get(kind or "str", "[^/]+"), re.escape(piece)]
    return f"{''.join(text)}$"
