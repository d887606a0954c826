"""Asynchronous views that a client's leaving stops half-way."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Seen
from hybrid.adapters.django.migrate.rules.crossing_names import TO_ASYNC
from hybrid.adapters.django.migrate.rules.knowing import last_name, nodes_in, takes_request
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

#: Methods of Django that write, asynchronously.
_WRITES: Final = {
    *("aadd", "abulk_create", "abulk_update", "aclear", "acreate", "adelete", "aget_or_create", "aremove"),
    *("asave", "aset", "aset_password", "aupdate", "aupdate_or_create"),
}
#: The same behind ``sync_to_async``, and of clients.
_BEHIND: Final = {"add", "bulk_create", "create", "delete", "save", "send_mail", "update", "update_or_create"}
_SENDS: Final = {"delete", "patch", "post", "put"}
_TO_THREAD: Final = {*TO_ASYNC, "asyncio.to_thread"}
_SAFE: Final = {
    "django.views.decorators.http.require_GET",
    "django.views.decorators.http.require_safe",
}
_METHODS: Final = {"delete", "patch", "post", "put"}


@static("HM402")
def writes_that_may_be_cut(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find asynchronous views that write more than once, with an ``await`` between, for methods that do."""
    for function in module.nodes(ast.AsyncFunctionDef):
        if not _is_view(module, function):
            continue
        writes = [
            each for each in nodes_in(function) if isinstance(each, ast.Await) and _writes(module, each)
        ]
        if len(writes) > 1:
            lines = sorted(each.lineno for each in writes)
            yield RULES["HM402"].finding(
                module.place(function),
                f"{function.name} writes in lines {_listed(lines)}: a client that leaves in between cancels "
                "it on ASGI, and the rest is not written; on WSGI it runs to its end",
                seen=Seen.STATIC,
                confidence=Confidence.LIKELY,
                fix=Fix(
                    FixKind.SUGGEST,
                    "put the writes into one synchronous function with a transaction, or await "
                    "asyncio.shield(…) of them together",
                ),
            )


def _is_view(module: SourceModule, function: ast.AsyncFunctionDef) -> bool:
    """Tell whether a function is a view that is called for methods that change something."""
    if not takes_request(module, function):
        return False
    if isinstance(module.parent(function), ast.ClassDef):
        return function.name in _METHODS
    return not any(module.dotted(each) in _SAFE for each in function.decorator_list)


def _writes(module: SourceModule, node: ast.Await) -> bool:
    call = node.value
    if not isinstance(call, ast.Call):
        return False
    match call.func:
        case ast.Attribute(attr=name) if name in _WRITES:
            return True
        case ast.Attribute(value=ast.Name() as client, attr=name) if name in _SENDS:
            return "client" in client.id.lower() or "http" in client.id.lower()
        case ast.Call(args=[given, *_]) if module.called(call.func) in _TO_THREAD:
            return _is_write(given)
        case _:
            return module.called(call) in _TO_THREAD and bool(call.args) and _is_write(call.args[0])


def _is_write(given: ast.expr) -> bool:
    return last_name(given) in _BEHIND


def _listed(lines: list[int]) -> str:
    return f"{', '.join(map(str, lines[:-1]))} and {lines[-1]}"
