"""State of a request in a ``threading.local`` or a global, and asynchronous code that reads it."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Seen
from hybrid.adapters.django.migrate.rules.knowing import is_request, nodes_in
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.rules.thread_state import ThreadLocal, reads, thread_locals
from hybrid.adapters.django.migrate.source.definitions import FunctionAt
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_USE_LOCAL: Final = Fix(
    FixKind.AUTO, "asgiref.local.Local(), which follows a request through threads and tasks"
)
_USE_VARIABLE: Final = Fix(FixKind.SUGGEST, "a contextvars.ContextVar, or an attribute of the request")


@static("HM401")
def kept_in_thread_locals(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find thread-locals in which something of a request is kept, where they are made."""
    for kept in thread_locals(module, sources.definitions):
        attribute, node = next(iter(kept.state.items()))
        yield RULES["HM401"].finding(
            module.place(kept.node),
            f"{kept.name}.{attribute} is set in {module.symbol(node)}: on WSGI the thread's next request "
            "sees it; on plain ASGI each request has a thread of its own, and coroutines see nothing",
            seen=Seen.STATIC,
            confidence=Confidence.LIKELY,
            fix=_USE_LOCAL,
            cause=f"HM401 {module.name}.{kept.name}",
        )


@static("HM401")
def kept_in_globals(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find requests, and what is got from them, in globals of modules and attributes of classes."""
    for node in module.nodes(ast.Global):
        function = module.function_of(node)
        for each in nodes_in(function) if function is not None else ():
            if isinstance(each, ast.Assign) and _mentions_request(module, each.value):
                for target in each.targets:
                    if isinstance(target, ast.Name) and target.id in node.names:
                        yield _global(module, each, f"the global {target.id}")
    for assign in module.nodes(ast.Assign):
        match assign.targets:
            case [ast.Attribute(value=ast.Name() as holder, attr=attribute)]:
                owner = sources.definitions.class_(module.dotted(holder))
                if owner is not None and _is_of_request(module, assign.value):
                    yield _global(module, assign, f"{holder.id}.{attribute}, of the class")
            case _:
                pass


def _global(module: SourceModule, node: ast.AST, name: str) -> Finding:
    return RULES["HM401"].finding(
        module.place(node),
        f"{name}, is given something of a request: requests that run at once, of which an ASGI server has "
        "many on one thread, see each other's",
        seen=Seen.STATIC,
        confidence=Confidence.LIKELY,
        fix=_USE_VARIABLE,
    )


def _mentions_request(module: SourceModule, value: ast.expr) -> bool:
    return any(isinstance(each, ast.expr) and is_request(module, each) for each in ast.walk(value))


def _is_of_request(module: SourceModule, value: ast.expr) -> bool:
    """Tell whether a value is a request, or its user."""
    if isinstance(value, ast.Attribute) and value.attr == "user":
        value = value.value
    return is_request(module, value)


@static("HM205")
def read_in_coroutines(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find coroutines that ask a thread-local who the user is: themselves, or through a function."""
    for function in module.nodes(ast.AsyncFunctionDef):
        for node in nodes_in(function):
            if isinstance(node, (ast.Attribute, ast.Call)):
                kept, through = _asked(module, node, sources)
                if kept is not None:
                    yield _read(module, node, kept, through)


def _asked(
    module: SourceModule, node: ast.Attribute | ast.Call, sources: Sources
) -> tuple[ThreadLocal | None, str]:
    """Return the thread-local that a node asks who is asking, and the function that it does so through."""
    for kept in _near(module, node, sources):
        if kept.who and reads(module, node, kept):
            return kept, ""
    if isinstance(node, ast.Call):
        found = sources.definitions.function(module.called(node))
        if found is not None and not found.is_async and not found.node.decorator_list:
            return _asked_by(found, sources), found.symbol
    return None, ""


def _near(module: SourceModule, node: ast.Attribute | ast.Call, sources: Sources) -> tuple[ThreadLocal, ...]:
    """Return the thread-locals that a node may mean: of its own module, or of that which its name is of."""
    holder = node.args[0] if isinstance(node, ast.Call) and node.args else getattr(node, "value", None)
    there = sources.find(module.dotted(holder)) if isinstance(holder, (ast.Name, ast.Attribute)) else None
    return thread_locals(there[0] if there else module, sources.definitions)


def _asked_by(found: FunctionAt, sources: Sources) -> ThreadLocal | None:
    kept_there = [each for each in thread_locals(found.module, sources.definitions) if each.who]
    if kept_there:
        for node in nodes_in(found.node):
            for kept in kept_there:
                if reads(found.module, node, kept):
                    return kept
    return None


def _read(module: SourceModule, node: ast.AST, kept: ThreadLocal, through: str) -> Finding:
    where = f"{kept.module.name}.{kept.name}"
    by = f"{through}() reads {where}" if through else f"{where} is read"
    return RULES["HM205"].finding(
        module.place(node),
        f"{by} in a coroutine, which on ASGI runs on the loop's thread: {kept.who} is missing there, or "
        "another request's",
        seen=Seen.STATIC,
        confidence=Confidence.LIKELY,
        fix=_USE_LOCAL,
        cause=f"HM205 {where}",
    )
