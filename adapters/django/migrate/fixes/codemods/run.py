"""HM113: ``asyncio.get_event_loop().run_until_complete(f())`` becomes ``asyncio.run(f())``."""

import ast
from typing import Final

import libcst as cst

from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.event_loops import other_loops, run_of
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.registry import codemod
from hybrid.adapters.django.migrate.rules.loops import GET

_REMARK: Final = "each asyncio.run() has a loop of its own: a client that outlives one has to be made anew"


@codemod("HM113")
def asyncio_run(draft: Draft, finding: Finding) -> str:
    """Leave a loop alone that is used for more than one coroutine, or for what may be none; and all of them
    while one is left that is asked for in the same way.
    """
    for asked in draft.module.calls_of(GET):
        if draft.same(finding, asked):
            _replace(draft, asked)
    return _REMARK


def _replace(draft: Draft, asked: ast.Call) -> None:
    run = run_of(draft.module, draft.sources, asked)
    for module, other in other_loops(draft.module, draft.sources):
        raise LeftAlone(
            f"asyncio.run() leaves the main thread without a loop, and {module.shown}:{other.lineno}, which "
            "is left alone, asks for one"
        )
    old = draft.node(run.call, cst.Call).func
    if run.assign is None and "#" in cst.Module([]).code_for_node(old):
        raise LeftAlone("a comment would be lost with what goes")
    if run.assign is not None:
        draft.remove(run.assign)
    new = cst.Attribute(cst.Name(_asyncio(draft, asked)), cst.Name("run"))
    draft.change(run.call, cst.Call, lambda each: each.with_changes(func=new))


def _asyncio(draft: Draft, asked: ast.Call) -> str:
    """Return how the module names asyncio."""
    match asked.func:
        case ast.Attribute(value=ast.Name(id=name) as value) if draft.module.dotted(value) == "asyncio":
            return name
        case ast.Name() as function:
            draft.free(function)
            return draft.name("asyncio", "", asked)
        case _:
            return draft.name("asyncio", "", asked)
