"""HM106: an asynchronous view is taken out of ATOMIC_REQUESTS, which Django refuses it with."""

import ast
from typing import Final

import libcst as cst

from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.registry import codemod
from hybrid.adapters.django.migrate.project.facts import RouteFact
from hybrid.adapters.django.migrate.rules.class_views import atomic_routes
from hybrid.adapters.django.migrate.rules.routed import place_of_view
from hybrid.adapters.django.migrate.source.module import Function

_DEFAULT: Final = "default"


@codemod("HM106")
def non_atomic_requests(draft: Draft, finding: Finding) -> str:
    """Leave methods alone that are views, for what makes views of them may not take over attributes; and
    classes for which several databases matter: of several decorators around a method Django keeps but one.
    """
    node = draft.module.defined_at(finding.place.line)
    route, aliases = _refused(draft, finding)
    if node is None:
        raise LeftAlone("the view is no function or class that is defined there")
    if not isinstance(node, ast.ClassDef) and isinstance(draft.module.parent(node), ast.ClassDef):
        raise LeftAlone("the view is a method: decorate what its route leads to")
    if isinstance(node, ast.ClassDef) and len({*aliases, *route.non_atomic}) > 1:
        raise LeftAlone("several databases matter: decorate a dispatch() of its own, for each of them")
    transaction = draft.name("django.db", "transaction", node)
    given = [_decorator(transaction, alias) for alias in aliases]
    if isinstance(node, ast.ClassDef):
        method_decorator = draft.name("django.utils.decorators", "method_decorator", node)
        given = [f'{method_decorator}({each}, name="dispatch")' for each in given]
    _decorate(draft, node, given)
    return (
        f"{finding.place.symbol} has no transaction for each request any more, on {', '.join(aliases)}: what "
        "belongs together goes into one synchronous function with transaction.atomic()"
    )


def _refused(draft: Draft, finding: Finding) -> tuple[RouteFact, list[str]]:
    """Return a route to the view, and the databases for which that is refused."""
    for route, aliases in atomic_routes(draft.facts):
        if place_of_view(draft.sources, route) == finding.place:
            return route, aliases
    raise LeftAlone("its route could not be found again")


def _decorator(transaction: str, alias: str) -> str:
    plain = f"{transaction}.non_atomic_requests"
    return plain if alias == _DEFAULT else f"{plain}(using={alias!r})".replace("'", '"')


def _decorate(draft: Draft, node: Function | ast.ClassDef, given: list[str]) -> None:
    """Put decorators on top of those that are there: Django looks at the outermost function alone."""
    kind = cst.ClassDef if isinstance(node, ast.ClassDef) else cst.FunctionDef
    new = [cst.Decorator(cst.parse_expression(each)) for each in given]
    draft.change(node, kind, lambda each: each.with_changes(decorators=[*new, *each.decorators]))
