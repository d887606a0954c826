"""Receivers of signals that are sent with one thing on WSGI and another on ASGI."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Finding, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.knowing import last_name
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.source.module import Function, SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_SIGNAL: Final = "django.core.signals.request_started"


@imported("HM103")
def receivers_that_need_environ(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find those that were connected when the project had been imported."""
    for each in facts.receivers:
        if each.signal == "request_started" and each.needs_environ:
            place = sources.place(each.where.file, each.where.line, each.receiver)
            yield _needs_environ(place, each.receiver, Seen.IMPORT)


@static("HM103")
def receivers_in_source(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``@receiver(request_started)`` and ``request_started.connect(…)``."""
    for function in _receivers(module, sources):
        if needs_environ(function):
            yield _needs_environ(module.place(function), module.symbol(function), Seen.STATIC)


def needs_environ(function: Function) -> bool:
    """Tell whether a function cannot be called without ``environ``, or with anything unknown."""
    arguments = function.args
    positional = (*arguments.posonlyargs, *arguments.args)
    needed = positional[: len(positional) - len(arguments.defaults)]
    named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    needed_names = {each.arg for each in needed} | {each.arg for each, default in named if default is None}
    return "environ" in needed_names


def _receivers(module: SourceModule, sources: Sources) -> Iterator[Function]:
    functions: Iterator[Function] = module.nodes(ast.FunctionDef, ast.AsyncFunctionDef)
    for function in functions:
        for each in function.decorator_list:
            if isinstance(each, ast.Call) and module.called(each) == "django.dispatch.receiver" and each.args:
                if _SIGNAL in map(module.dotted, _signals(each.args[0])) and not _is_for_wsgi(each):
                    yield function
    for call in module.nodes(ast.Call):
        match call:
            case ast.Call(
                func=ast.Attribute(value=signal, attr="connect"), args=[ast.Name() as receiver, *_]
            ):
                found = sources.function(module.dotted(receiver))
                if module.dotted(signal) == _SIGNAL and found is not None and found[0] is module:
                    if not _is_for_wsgi(call):
                        yield found[1]
            case _:
                pass


def _is_for_wsgi(call: ast.Call) -> bool:
    """Tell whether a receiver is connected for WSGIHandler alone: on ASGI nothing calls it, see HM409."""
    senders = [*call.args[1:2], *(each.value for each in call.keywords if each.arg == "sender")]
    return any(last_name(each) == "WSGIHandler" for each in senders)


def _signals(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]


def _needs_environ(place: Place, receiver: str, seen: Seen) -> Finding:
    return RULES["HM103"].finding(
        place,
        f"{receiver} cannot be called without environ: on ASGI every request is answered 500",
        seen=seen,
    )
