"""Middleware that says it can be asynchronous, and is not."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hybrid.adapters.django.lanes.own_call import calls_super_init, is_dual, passes_on
from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact, Where
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.source.definitions import ClassAt, Definitions
from hybrid.adapters.django.migrate.source.module import Function, SourceModule, read_module
from hybrid.adapters.django.migrate.source.sources import Sources

_MIXIN: Final = "django.utils.deprecation.MiddlewareMixin"
_FIX: Final = Fix(
    FixKind.AUTO, "set async_capable = False in the class; better, use process_request and process_response"
)


@imported("HM104")
def middleware_of_the_chain(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find those that MIDDLEWARE names, other people's too."""
    for each in facts.middleware:
        if each.used and each.is_mixin and each.async_capable and not each.dual:
            finding = _of_fact(each, sources)
            if finding is not None:
                yield finding


def _of_fact(each: MiddlewareFact, sources: Sources) -> Finding | None:
    where = each.own_call
    if where is not None and not each.call_is_async:
        call = _call_at(where, sources)
        if not passes_on(call) if call else each.keeps_response:
            place = sources.place(where.file, where.line, f"{each.path}.__call__")
            return _own_call(place, each.path, Seen.IMPORT)
    if where is None and not each.calls_super_init:
        return _no_init(_place_of_init(each, sources), each.path, Seen.IMPORT)
    return None


def _place_of_init(each: MiddlewareFact, sources: Sources) -> Place:
    """Return where the ``__init__`` of a class is, inherited or not; where that is not read, the class."""
    owner = sources.definitions.class_(each.path)
    init = owner and sources.definitions.method(owner, "__init__")
    if init:
        return init.module.place(init.node)
    return sources.place(each.where.file, each.where.line, each.path)


def _call_at(where: Where, sources: Sources) -> Function | None:
    """Return the source of a ``__call__``, which may be outside of the project."""
    module = sources.at(where.file)
    if module is None:
        try:
            module = read_module(Path(where.file), "", where.file)
        except (OSError, ValueError, SyntaxError):
            return None
    found = module.defined_at(where.line)
    return None if isinstance(found, ast.ClassDef) else found


@static("HM104")
def middleware_in_source(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find classes whose bases are Django's middleware."""
    definitions = sources.definitions
    for owner in definitions.classes_of(module):
        if not is_mixin(definitions, owner):
            continue
        if not says_async(definitions, owner) or _is_dual(definitions, owner):
            continue
        call, init = owner.methods.get("__call__"), owner.methods.get("__init__")
        if call is not None and not call.is_async and not passes_on(call.node):
            yield _own_call(module.place(call.node), owner.symbol, Seen.STATIC)
        elif definitions.method(owner, "__call__") is None and init and not calls_super_init(init.node):
            yield _no_init(module.place(init.node), owner.symbol, Seen.STATIC)


def is_mixin(definitions: Definitions, owner: ClassAt) -> bool:
    """Tell whether a class is a MiddlewareMixin: every middleware of Django's own that is a class is one."""
    return any(
        each == _MIXIN or (each.startswith("django.") and ".middleware." in each)
        for each in definitions.foreign_bases(owner)
    )


def says_async(definitions: Definitions, owner: ClassAt) -> bool:
    """Tell whether a class leaves ``async_capable`` as MiddlewareMixin has it."""
    for each in definitions.line(owner):
        for node in each.node.body:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id="async_capable")], value=ast.Constant(value=value))
                    | ast.AnnAssign(target=ast.Name(id="async_capable"), value=ast.Constant(value=value))
                ):
                    return bool(value)
                case _:
                    pass
    return True


def _is_dual(definitions: Definitions, owner: ClassAt) -> bool:
    return any(is_dual(each.node) for each in definitions.line(owner))


def _own_call(place: Place, name: str, seen: Seen) -> Finding:
    return RULES["HM104"].finding(
        place,
        f"{name} has a synchronous __call__ of its own and says that it can be asynchronous: on ASGI it "
        "takes a coroutine for the response",
        seen=seen,
        confidence=Confidence.CERTAIN if seen is Seen.IMPORT else Confidence.LIKELY,
        fix=_FIX,
    )


def _no_init(place: Place, name: str, seen: Seen) -> Finding:
    return RULES["HM104"].finding(
        place,
        f"{name} has an __init__ that does not call super().__init__(): Django never finds out that it is to "
        "be asynchronous, and on ASGI takes a coroutine for the response",
        seen=seen,
        confidence=Confidence.LIKELY,
        fix=Fix(FixKind.SUGGEST, "call super().__init__(get_response)"),
    )
