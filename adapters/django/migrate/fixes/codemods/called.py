"""HM116: a function that ``async_to_sync()`` or ``sync_to_async()`` has made is called."""

import ast
from typing import Final

import libcst as cst

from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.meant import function_meant, goes_without
from hybrid.adapters.django.migrate.fixes.registry import codemod
from hybrid.adapters.django.migrate.rules.crossing_names import TO_SYNC
from hybrid.adapters.django.migrate.rules.loops import wrappers_not_called

#: Methods of Django's models and querysets that need no argument.
_WITHOUT: Final = {"delete", "exists", "full_clean", "refresh_from_db", "save"}
_IN_COROUTINE: Final = "async_to_sync(…)() raises RuntimeError in a coroutine: await the function itself"


@codemod("HM116")
def call_what_is_made(draft: Draft, finding: Finding) -> str:
    """Leave alone what may need an argument, or would be called where it cannot run."""
    for call in wrappers_not_called(draft.module):
        if draft.same(finding, call):
            _check(draft, call)
            draft.change(call, cst.Call, _called)
    return ""


def _check(draft: Draft, call: ast.Call) -> None:
    module, given = draft.module, call.args[0]
    to_sync, function = module.called(call) in TO_SYNC, module.function_of(call)
    awaited = isinstance(module.parent(call), ast.Await)
    if to_sync and (awaited or isinstance(function, ast.AsyncFunctionDef)):
        raise LeftAlone(_IN_COROUTINE)
    if not to_sync and not awaited:
        raise LeftAlone("what it makes is to be called and awaited, in a coroutine")
    if function is None:
        raise LeftAlone("it would run when the module is imported")
    if not _goes_without(draft, given, to_sync=to_sync):
        raise LeftAlone(f"it is not known that {module.segment(given)} needs no argument")


def _goes_without(draft: Draft, given: ast.expr, *, to_sync: bool) -> bool:
    """Tell whether what is given can be called without an argument, and is of the kind that is taken."""
    match given:
        case ast.Lambda(args=arguments):
            return not to_sync and goes_without(arguments)
        case ast.Attribute(attr=name) if not to_sync and name in _WITHOUT:
            return True
        case _:
            found = function_meant(draft.module, draft.sources, given)
            is_async = found is not None and isinstance(found.node, ast.AsyncFunctionDef)
            return found is not None and is_async is to_sync and found.goes_without


def _called(made: cst.Call) -> cst.Call:
    """Return the call of a call; parentheses around the inner one are around both."""
    return cst.Call(made.with_changes(lpar=(), rpar=()), lpar=made.lpar, rpar=made.rpar)
