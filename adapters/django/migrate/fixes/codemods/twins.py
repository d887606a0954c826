"""HM107: what a coroutine does with the database becomes its asynchronous twin, which is awaited."""

import ast

import libcst as cst

from hybrid.adapters.django.migrate.findings import Finding, FixKind
from hybrid.adapters.django.migrate.fixes.asynchronous_queries import query_twin
from hybrid.adapters.django.migrate.fixes.asynchronous_requests import request_twin
from hybrid.adapters.django.migrate.fixes.awaiting import awaited, awaits, check_can_await, needs_parentheses
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.registry import codemod
from hybrid.adapters.django.migrate.fixes.twin_versions import FUNCTIONS as SINCE
from hybrid.adapters.django.migrate.fixes.twin_versions import check_version
from hybrid.adapters.django.migrate.rules.async_database import Kind, Use, uses_in_coroutines
from hybrid.adapters.django.migrate.rules.querysets import FUNCTIONS, Queries


@codemod("HM107", kind=FixKind.SUGGEST)
def asynchronous_twin(draft: Draft, finding: Finding) -> str:
    """Leave alone what has no twin, or where ``await`` would change more: transactions, generators."""
    remarks = dict[str, None]()
    for use in uses_in_coroutines(draft.module, draft.sources):
        if use.finding.place == finding.place and use.finding.evidence == finding.evidence:
            check_can_await(draft.module, use.node)
            remarks[_twin(draft, use)] = None
    return "; ".join(filter(None, remarks))


def _twin(draft: Draft, use: Use) -> str:
    match use.kind, use.node:
        case Kind.REQUEST, ast.Attribute() as node:
            return request_twin(draft, node)
        case Kind.TEMPLATE, _:
            raise LeftAlone(
                "a template may use more of a query than a list has: await a list where it does not"
            )
        case Kind.HELPER, ast.Call() as call:
            return _helper(draft, call)
        case _, ast.Call() as call if draft.module.called(call) in FUNCTIONS:
            return _function(draft, call)
        case _, node:
            return query_twin(draft, node)


def _function(draft: Draft, call: ast.Call) -> str:
    """``get_object_or_404(…)`` becomes ``await aget_object_or_404(…)``."""
    called, function = draft.module.called(call), call.func
    twin = FUNCTIONS[called]
    known = check_version(draft, SINCE, f"{twin}()")
    if isinstance(function, ast.Name):
        name = draft.name(called.rpartition(".")[0], twin, call)
        draft.change(function, cst.Name, lambda each: each.with_changes(value=name))
        draft.free(function)
    else:
        draft.change(function, cst.Attribute, lambda each: each.with_changes(attr=cst.Name(twin)))
    awaits(draft, call)
    return known


def _helper(draft: Draft, call: ast.Call) -> str:
    """``helper(…)`` becomes ``await sync_to_async(helper)(…)``."""
    module, definitions = draft.module, draft.sources.definitions
    found = definitions.function(module.called(call))
    assert found is not None
    if isinstance(module.parent(call), ast.Await):
        raise LeftAlone(f"what {found.node.name}() returns is awaited already")
    queries = Queries(found.module, definitions, found.node)
    for each in ast.walk(found.node):
        if isinstance(each, ast.Return) and each.value and queries.is_queryset(each.value):
            raise LeftAlone(f"{found.node.name}() returns a query that has not run yet, on whatever thread")
    name = draft.name("asgiref.sync", "sync_to_async", call)
    binds = needs_parentheses(module, call)
    draft.change(call, cst.Call, lambda each: _in_thread(each, name, binds=binds))
    return f"{found.node.name}() runs on the thread of the request, as in synchronous views"


def _in_thread(call: cst.Call, name: str, *, binds: bool) -> cst.Await:
    made = call.with_changes(func=cst.Call(cst.Name(name), [cst.Arg(call.func)]))
    return awaited(made, binds=binds)
